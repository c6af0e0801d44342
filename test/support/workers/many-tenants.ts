import { getTwilioClient } from 'provider-vault';
import twilio from 'twilio';
import { accountSid, authToken, memoryVault } from '../fixtures.ts';

// 300 tenants with three requests each, on the clients of this library or on the SDK's own: the time,
// and the memory that the connections keep, as JSON. Needs --expose-gc.
const [mode = '', url = ''] = process.argv.slice(2);
const TENANTS = 300;
const { vault } = memoryVault({ maxClients: TENANTS + 1 });
const credentials = { accountSid: accountSid(1), authToken: authToken(1) };

async function clientFor(tenantId: string) {
  if (mode === 'sdk') return new twilio.Twilio(credentials.accountSid, credentials.authToken);
  await vault.put(tenantId, 'twilio', credentials);
  return getTwilioClient(vault, { tenantId, env: {} });
}

const request = async (client: { request(options: never): Promise<unknown> }) =>
  client.request({ method: 'get', uri: `${url}/` } as never);
await request(await clientFor('warm-up'));
const clients = await Promise.all(Array.from({ length: TENANTS }, (_, n) => clientFor(`t${n}`)));

function memory(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const before = memory();
const start = performance.now();
await Promise.all(
  clients.map(async (client) => {
    for (let n = 0; n < 3; n++) await request(client);
  }),
);
const ms = performance.now() - start;
console.log(JSON.stringify({ ms, bytes: memory() - before, clients: clients.length }));
process.exit(0); // the SDK's connections would stay open
