import { inspect } from 'node:util';
import sgMail from '@sendgrid/mail';
import { getSendGridClient } from 'provider-vault';
import { credentialFingerprint, FakeSendGrid } from 'provider-vault/testing';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { memoryVault, rejection, sendgridKey } from '../support/fixtures.ts';

const sendgrid = await FakeSendGrid.start({
  keys: [1, 2, 9].map((n) => ({ apiKey: sendgridKey(n) })),
});
const baseUrl = sendgrid.url;
afterAll(() => sendgrid.close());

const mail = { to: 'a@example.com', from: 'crm@example.com', subject: 'Hi', text: 'Hello' };
const at = (tenantId: string) => ({ tenantId, env: {}, baseUrl });

async function twoTenants() {
  const { vault } = memoryVault();
  await vault.put('one', 'sendgrid', { apiKey: sendgridKey(1) });
  await vault.put('two', 'sendgrid', { apiKey: sendgridKey(2) });
  return vault;
}

describe('getSendGridClient', () => {
  it("sends with the tenant's own key, and never touches the package's shared client", async () => {
    const vault = await twoTenants();
    const warn = vi.spyOn(console, 'warn');
    const client = await getSendGridClient(vault, at('one'));
    const [response] = await client.send({ ...mail });
    expect(response.statusCode).toBe(202);
    expect(sendgrid.requests.at(-1)).toMatchObject({
      method: 'POST',
      path: '/v3/mail/send',
      credential: credentialFingerprint(sendgridKey(1)),
    });
    expect(client).toBeInstanceOf((sgMail as unknown as { MailService: () => void }).MailService);
    expect(client).not.toBe(sgMail);
    expect((sgMail as unknown as { client: { auth: string } }).client.auth).toBe('');
    expect(warn).not.toHaveBeenCalled();
  });

  it('never crosses two tenants that send at the same time', async () => {
    const vault = await twoTenants();
    const before = sendgrid.requests.length;
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const tenant = n % 2 ? 'one' : 'two';
        const client = await getSendGridClient(vault, at(tenant));
        await client.send({ ...mail, subject: `for ${tenant}` });
      }),
    );
    expect(sendgrid.requests.length - before).toBe(100);
    const sent = sendgrid.mails.slice(-100);
    const byKey = sendgrid.requests.slice(before).map((request) => request.credential);
    for (const n of [1, 2]) {
      const key = credentialFingerprint(sendgridKey(n));
      expect(byKey.filter((credential) => credential === key)).toHaveLength(50);
    }
    expect(sent).toHaveLength(100);
  });

  it('uses the host of the residency, of the option before the credentials', async () => {
    const { vault } = memoryVault();
    await vault.put('eu', 'sendgrid', { apiKey: sendgridKey(1), residency: 'eu' });
    const baseUrlOf = async (options: object) => {
      const client = await getSendGridClient(vault, { tenantId: 'eu', env: {}, ...options });
      return (client.client as unknown as { defaultRequest: { baseUrl: string } }).defaultRequest
        .baseUrl;
    };
    expect(await baseUrlOf({})).toBe('https://api.eu.sendgrid.com/');
    expect(await baseUrlOf({ residency: 'global' })).toBe('https://api.sendgrid.com/');
    await expect(baseUrlOf({ residency: 'us' })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
  });

  it('gives a new client when the key changes', async () => {
    const vault = await twoTenants();
    const first = await getSendGridClient(vault, at('one'));
    expect(await getSendGridClient(vault, at('one'))).toBe(first);
    await vault.patch('one', 'sendgrid', { apiKey: sendgridKey(9) });
    const second = await getSendGridClient(vault, at('one'));
    expect(second).not.toBe(first);
    await second.send({ ...mail });
    expect(sendgrid.requests.at(-1)?.credential).toBe(credentialFingerprint(sendgridKey(9)));
  });

  it('refuses mail on behalf of a subuser, which SendGrid would send as the parent', async () => {
    const client = await getSendGridClient(await twoTenants(), at('one'));
    await expect(
      client.send({ ...mail, headers: {} }).then(() =>
        client.client.request({
          method: 'POST',
          url: '/v3/mail/send',
          headers: { 'On-Behalf-Of': 'sub' },
        }),
      ),
    ).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it.each(['Authorization', 'authorization'])('refuses a mail with an own %s', async (name) => {
    const client = await getSendGridClient(await twoTenants(), at('one'));
    const sent = sendgrid.requests.length;
    const headers = { [name]: `Bearer ${sendgridKey(2)}` }; // of the other tenant
    const error = await rejection(client.send({ ...mail, headers }));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(String(error)).not.toContain(sendgridKey(2));
    expect(sendgrid.requests.length).toBe(sent);
    await client.send({ ...mail, headers: { 'X-Campaign': 'spring' } });
  });

  it.each([
    { residency: 'us' },
    { baseUrl: '' },
    { baseUrl: 'ftp://x.example' },
    { baseUrl: 'https://a:b@x.example' },
  ])('refuses %j', async (options) => {
    const built = getSendGridClient(await twoTenants(), { ...at('one'), ...options } as never);
    expect(await rejection(built)).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it('takes the environment as a whole, for tenant "default"', async () => {
    const { vault } = memoryVault();
    const env = { SENDGRID_API_KEY: sendgridKey(9) };
    const client = await getSendGridClient(vault, { env, baseUrl });
    await client.send({ ...mail });
    expect(sendgrid.requests.at(-1)?.credential).toBe(credentialFingerprint(sendgridKey(9)));
    await expect(getSendGridClient(vault, { env, tenantId: 'x' })).rejects.toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
    });
  });
});

describe('errors and what is shown', () => {
  it.each([
    ['a wrong key', { status: 401 }, { status: 401 }],
    ['a limit', { status: 429 }, { status: 429 }],
    ['a dropped connection', { drop: true }, { providerCode: 'ECONNRESET' }],
  ])('%s is ERR_PROVIDER without the key', async (_name, failure, expected) => {
    const client = await getSendGridClient(await twoTenants(), at('one'));
    sendgrid.failNext(failure);
    const error: Error = await client.send({ ...mail }).then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'ERR_PROVIDER', provider: 'sendgrid', ...expected });
    const shown = [
      inspect(error, { depth: 9, showHidden: true }),
      JSON.stringify(error),
      error.stack,
    ].join();
    expect(shown).not.toContain(sendgridKey(1));
    expect(shown).not.toMatch(/bearer/i);
  });

  it('a client shows no key', async () => {
    const client = await getSendGridClient(await twoTenants(), at('one'));
    for (const object of [client, client.client, { deep: { client } }]) {
      expect(inspect(object, { depth: 9 })).not.toContain(sendgridKey(1));
      expect(JSON.stringify(object)).not.toContain(sendgridKey(1));
    }
    expect(inspect(client.client, { customInspect: false, depth: 9 })).not.toContain(
      sendgridKey(1),
    );
  });
});
