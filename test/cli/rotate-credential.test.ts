import { FakeSendGrid } from 'provider-vault/testing';
import { afterAll, expect, it } from 'vitest';
import { mongoPlace } from '../support/cli-places.ts';
import { newKey, sendgridKey } from '../support/fixtures.ts';
import { runCli } from '../support/run-cli.ts';

const { env: place } = await mongoPlace();
const scopes = ['mail.send', 'api_keys.read', 'api_keys.create', 'api_keys.delete'];
const sendgrid = await FakeSendGrid.start({ keys: [{ apiKey: sendgridKey(1), scopes }] });
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
