// npx tsx examples/otel/main.ts
//
// A vault with tenant keys and a cache, whose spans and metrics are printed.
import { trace } from '@opentelemetry/api';
import {
  generateKey,
  Keyring,
  MemoryKeyStore,
  MemorySecretStore,
  SecretsVault,
  TenantKeys,
} from 'provider-vault';
import { localWrapper } from 'provider-vault/kms';
import { instrument } from 'provider-vault/otel';
import { startTelemetry } from './telemetry.ts';

const stopTelemetry = startTelemetry(); // before instrument: it takes the meter that is there then

const wrapper = localWrapper(new Keyring({ encryptionKey: generateKey() })); // else awsKms(…)
const vault = new SecretsVault({
  store: new MemorySecretStore(),
  keys: new TenantKeys({ wrapper, store: new MemoryKeyStore() }),
  cache: { ttlMs: 60_000 },
});
const stop = instrument(vault);

// A span of the application, as the instrumentation of its web framework makes one for each request.
await trace.getTracer('crm').startActiveSpan('POST /messages', async (request) => {
  await vault.put('acme', 'twilio', {
    accountSid: `AC${'0'.repeat(32)}`,
    authToken: 'f'.repeat(32),
  });
  await vault.get('acme', 'twilio'); // a miss
  await vault.get('acme', 'twilio'); // a hit
  await vault.require('globex', 'twilio').catch(() => {}); // ERR_SECRET_NOT_FOUND
  request.end();
});

stop();
await vault.close();
await stopTelemetry();
