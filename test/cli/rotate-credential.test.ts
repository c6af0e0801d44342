import { FakeSendGrid } from 'provider-vault/testing';
import { afterAll, expect, it, vi } from 'vitest';
import { mongoPlace } from '../support/cli-places.ts';
import { newKey, sendgridKey } from '../support/fixtures.ts';
import { runCli } from '../support/run-cli.ts';

const { db, env: place } = await mongoPlace();
const scopes = ['mail.send', 'api_keys.read', 'api_keys.create', 'api_keys.delete'];
const keys = [1, 130, 143].map((n) => ({ apiKey: sendgridKey(n), scopes }));
const sendgrid = await FakeSendGrid.start({ keys });
afterAll(() => sendgrid.close());
const env = { ...place, APP_ENCRYPTION_KEY: newKey() };
const run = (args: readonly string[], input?: string) =>
  runCli(args, { env, ...(input !== undefined && { input }) });

it('rotate-credential replaces a key at the provider, and says no secret', async () => {
  expect((await run(['init'])).code).toBe(0);
  expect((await run(['set', 'acme', 'sendgrid', 'apiKey'], sendgridKey(1))).code).toBe(0);
  const command = ['rotate-credential', 'acme', 'sendgrid', '--base-url', sendgrid.url];
  const { code, stdout, stderr } = await run([...command, '--grace', '0', '--actor', 'ann']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe('Replaced apiKey of tenant "acme" at "sendgrid". The old one is dead.\n');
  const { stdout: revealed } = await run(['get', 'acme', 'sendgrid', '--reveal', '--json']);
  const { apiKey } = JSON.parse(revealed).fields ?? JSON.parse(revealed);
  expect(apiKey).toMatch(/^SG\./);
  expect(apiKey).not.toBe(sendgridKey(1));
  expect(stdout).not.toContain(apiKey);

  const json = await run([...command, '--grace', '0', '--json']);
  expect(JSON.parse(json.stdout)).toEqual({
    tenantId: 'acme',
    provider: 'sendgrid',
    fields: ['apiKey'],
  });
});

it('rotate-credential says what is wrong', async () => {
  expect(await run(['rotate-credential', 'nobody', 'sendgrid'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('ERR_SECRET_NOT_FOUND'),
  });
  expect(await run(['rotate-credential', 'acme', 'openai'])).toMatchObject({
    code: expect.any(Number),
  });
  expect(await run(['rotate-credential', 'acme', 'sendgrid', '--grace', 'long'])).toMatchObject({
    code: 2,
  });
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('rotate-credential is stopped by %s: exit code %i', async (signal, exit) => {
  expect((await run(['set', signal, 'sendgrid', 'apiKey'], sendgridKey(exit))).code).toBe(0);
  const command = ['rotate-credential', signal, 'sendgrid', '--base-url', sendgrid.url];
  const records = db.collection<{ provider: string; metadata: { rev: number } }>('secrets');
  const { code, stdout } = await runCli([...command, '--grace', '600', '--json'], {
    env,
    started: async (child) => {
      // In its grace: the new key is stored.
      const stored = { tenantId: signal, provider: 'sendgrid', 'metadata.rev': 2 };
      await vi.waitUntil(() => records.findOne(stored), { timeout: 60_000, interval: 50 });
      child.kill(signal);
    },
  });
  expect(code).toBe(exit);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_INTERRUPTED' } });
  // The lease is given back, and what is left to do is known.
  const left = await records.find({ tenantId: signal }).sort({ provider: 1 }).toArray();
  expect(left.map(({ provider }) => provider)).toEqual(['$rotation:sendgrid', 'sendgrid']);
});
