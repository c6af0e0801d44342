import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { credentialFingerprint, FakeSendGrid, FakeTwilio } from 'provider-vault/testing';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { cacheFolder } from '../../examples/mongo-server/cache-folder.ts';
import { startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { bundleWorker } from '../support/bundle-worker.ts';
import { faultyProxy } from '../support/faulty-proxy.ts';
import { freePort } from '../support/free-port.ts';
import { startVault } from '../support/openbao.ts';
import { MARK, type SoakReport } from '../support/soak-model.ts';
import { account, type Places, TENANTS } from '../support/soak-traffic.ts';

// Minutes of mixed traffic: PROVIDER_VAULT_SOAK_MINUTES, else five in `npm run test:deep`.
const { PROVIDER_VAULT_SOAK_MINUTES: minutes, PROVIDER_VAULT_DEEP: deep } = process.env;
const MS = minutes ? Number(minutes) * 60_000 : deep ? 5 * 60_000 : 20_000;

const folder = await mkdtemp(join(await cacheFolder(), 'soak-'));
const serverOptions = {
  port: await freePort(),
  dbPath: folder,
  args: ['--journalCommitInterval', '1'], // what is acknowledged outlives a kill
};
let server = await startMongo(serverOptions);
const kms = await startVault();
const proxy = await faultyProxy(kms.address);
const accounts = Array.from({ length: TENANTS }, (_, n) => account(n));
const twilio = await FakeTwilio.start({ accounts });
const sendgrid = await FakeSendGrid.start({
  keys: accounts.map(({ sendgridKey: apiKey }) => ({ apiKey })),
});
const worker = await bundleWorker('soak');
const exchanging = new Set<string>();
let atOnce = 0;
const tokens = createServer(async (request, response) => {
  const tenantId = request.url?.slice(1) ?? '';
  if (exchanging.has(tenantId)) atOnce++;
  exchanging.add(tenantId);
  await sleep(10);
  exchanging.delete(tenantId);
  const expiresAt = new Date(Date.now() + 3_000).toISOString();
  response.end(JSON.stringify({ accessToken: `${MARK}${tenantId}/${Date.now()}`, expiresAt }));
}).listen(0, '127.0.0.1');
await once(tokens, 'listening');
afterAll(async () => {
  tokens.close();
  tokens.closeAllConnections();
  await Promise.all([twilio.close(), sendgrid.close(), proxy.close()]);
  await Promise.all([server.stop(), kms.stop()]);
  await Promise.all([dirname(worker), folder].map((path) => rm(path, { recursive: true })));
});

const deeds: Record<string, () => Promise<unknown>> = {
  begin: () => kms.api('POST', 'transit/keys/soak', { derived: true }),
  'kms down': async () => proxy.failNext({ drop: true }, 1_000_000),
  'kms up': async () => proxy.heal(),
  'rotate the key of the KMS': () => kms.api('POST', 'transit/keys/soak/rotate'),
  'retire the old version of the key of the KMS': () =>
    kms.api('POST', 'transit/keys/soak/config', { min_decryption_version: 2 }),
  'store down': async () => {
    process.kill(server.pid as number, 'SIGKILL');
    await server.stop();
  },
  'store up': async () => {
    server = await startMongo(serverOptions);
  },
};

it('mixed traffic with two renewals of keys, an outage of the KMS and a failover of the database', {
  timeout: 2 * MS + 600_000,
}, async () => {
  const places: Places = {
    uri: `mongodb://127.0.0.1:${serverOptions.port}/?directConnection=true`,
    kms: proxy.url,
    kmsToken: kms.rootToken,
    twilio: twilio.url,
    sendgrid: sendgrid.url,
    tokens: `http://127.0.0.1:${(tokens.address() as AddressInfo).port}`,
  };
  const child = fork(worker, [JSON.stringify(places), String(MS)], { execArgv: ['--expose-gc'] });
  onTestFinished(() => void child.kill());
  const reported = new Promise<SoakReport>((resolve, reject) => {
    child.on('message', (message: { ask: string } | SoakReport) => {
      if ('ask' in message) deeds[message.ask]?.().then(() => child.send('done'), reject);
      else resolve(message);
    });
    child.on('exit', (code) => reject(new Error(`It ended without a report: ${code}`)));
  });
  const ended = once(child, 'exit');
  const report = await reported;
  console.log(JSON.stringify(report));
  expect(report).toMatchObject({ wrong: [], warnings: [] });
  for (const part of ['kms', 'store'] as const) expect(report.unanswered[part]).toBeGreaterThan(0);
  expect([report.keys, report.historyKeys]).toEqual([['t3'], ['t3']]);
  expect(report.memory.late).toBeLessThan(report.memory.early * 1.2);
  expect(report.resources.after).toEqual(report.resources.before);
  expect(await ended).toEqual([0, null]); // by itself: nothing is left that would keep it

  expect(atOnce).toBe(0); // one renewal of a token at a time
  const keyOf = new Map(accounts.map((own) => [own.tenantId, own.sendgridKey]));
  for (const { body, credential, path } of sendgrid.requests) {
    if (path !== '/v3/mail/send') continue;
    const [{ to }] = (body as { personalizations: [{ to: [{ email: string }] }] }).personalizations;
    const tenantId = to[0].email.split('@')[0] as string;
    expect(credential).toBe(credentialFingerprint(keyOf.get(tenantId) ?? ''));
  }
});
