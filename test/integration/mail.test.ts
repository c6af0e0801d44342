import { inspect } from 'node:util';
import { defineProvider } from 'provider-vault';
import { getMailTransport } from 'provider-vault/mail';
import { googleMail, microsoft365, slack } from 'provider-vault/oauth';
import { describe, expect, it, onTestFinished } from 'vitest';
import { memoryVault, rejection } from '../support/fixtures.ts';
import { startMailServer } from '../support/mail-server.ts';

async function mailServer() {
  const server = await startMailServer();
  onTestFinished(server.close);
  return server;
}

const app = { clientId: 'crm', clientSecret: 'crm-secret' };
const mail = { from: 'a@acme.test', to: 'b@beta.test', subject: 'An offer', text: 'Hello' };
const at = { tenantId: 'acme', env: {} };

describe('getMailTransport', () => {
  it('sends with a password, and knows when it is refused', async () => {
    const { vault } = memoryVault();
    const { port, seen } = await mailServer();
    const fields = { hostname: '127.0.0.1', port: String(port), username: 'sales' };
    await vault.put('acme', 'smtp', { ...fields, password: 'right-password' });
    const transport = await getMailTransport(vault, at);
    expect(await getMailTransport(vault, at)).toBe(transport);
    expect(await transport.verify()).toBe(true);
    const result = await transport.sendMail(mail);
    expect(result).toMatchObject({ accepted: ['b@beta.test'], rejected: [] });
    expect(seen.mails[0]).toContain('Subject: An offer');
    expect(inspect(transport, { depth: 9, showHidden: true })).not.toContain('right-password');

    await vault.patch('acme', 'smtp', { password: 'wrong-password' });
    const error = await rejection((await getMailTransport(vault, at)).sendMail(mail));
    expect(error).toMatchObject({ code: 'ERR_PROVIDER', provider: 'smtp', status: 535 });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('wrong-password');
    expect((await vault.status('acme', 'smtp')).health).toMatchObject({ state: 'failing' });
    expect(seen.mails).toHaveLength(1);
  });

  it('sends with a token of OAuth, which is renewed when it is due', async () => {
    const { vault } = memoryVault();
    const { port, seen } = await mailServer();
    let exchanges = 0;
    const google = googleMail(app, { mail: { hostname: 'localhost', port } });
    expect(google.refresh).toBeDefined();
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const tokens = { accessToken: 'right-token', refreshToken: 'r', expiresAt };
    await vault.put('acme', google, { ...tokens, account: 'sales@acme.test' });
    const transport = await getMailTransport(vault, { ...at, provider: google });
    await transport.sendMail(mail);
    expect(seen.logins).toEqual(['XOAUTH2 sales@acme.test']);
    expect(seen.mails).toHaveLength(1);
    await vault.patch('acme', google, { accessToken: 'old-token' });
    const late = await getMailTransport(vault, { ...at, provider: google });
    const error = await rejection(late.verify());
    expect(error).toMatchObject({ code: 'ERR_PROVIDER' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('old-token');

    // any definition with the fields of a mail server, and a renewal
    const own = defineProvider({
      name: 'own',
      fields: {
        hostname: { label: 'Host', secret: false, destination: true },
        port: { label: 'Port', secret: false },
        username: { label: 'User', secret: false },
        password: { label: 'Password', secret: true },
        expiresAt: { label: 'Expires', secret: false },
      },
      complete: [['hostname', 'username', 'password']],
      refresh: {
        expiresAt: 'expiresAt',
        exchange: async () => {
          exchanges++;
          return { password: 'right-password', expiresAt };
        },
      },
    });
    const server = { hostname: '127.0.0.1', port: String(port), username: 'sales' };
    const past = new Date(0).toISOString();
    await vault.put('acme', own, { ...server, password: 'expired', expiresAt: past });
    await (await getMailTransport(vault, { ...at, provider: own })).sendMail(mail);
    await (await getMailTransport(vault, { ...at, provider: own })).sendMail(mail);
    expect(exchanges).toBe(1);
    expect(seen.mails).toHaveLength(3);
  });

  it('reads no file and no URL for a mail, and sends no password in the clear', async () => {
    const { vault } = memoryVault();
    const { port } = await mailServer();
    const fields = { port: String(port), username: 'sales', password: 'right-password' };
    await vault.put('acme', 'smtp', { ...fields, hostname: '127.0.0.1' });
    const transport = await getMailTransport(vault, {
      ...at,
      transport: { disableFileAccess: false },
    });
    for (const attachment of [{ path: '/etc/passwd' }, { href: 'http://127.0.0.1:1/' }]) {
      const sent = transport.sendMail({ ...mail, attachments: [attachment] });
      expect(await rejection(sent)).toMatchObject({ code: 'ERR_PROVIDER' });
    }
    // A name that is not loopback needs TLS, which this server does not offer.
    await vault.put('acme', 'smtp', { ...fields, hostname: '0.0.0.0' });
    const insecure = await getMailTransport(vault, at);
    expect(await rejection(insecure.verify())).toMatchObject({ code: 'ERR_PROVIDER' });
  });

  it('says what is missing', async () => {
    const { vault } = memoryVault();
    expect(await rejection(getMailTransport(vault, at))).toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
      message: expect.stringContaining('hostname'),
    });
    const tokens = { accessToken: 'x', expiresAt: new Date(Date.now() + 3_600_000).toISOString() };
    for (const provider of [microsoft365(app), slack(app)]) {
      await vault.put('acme', provider, tokens);
      expect(await rejection(getMailTransport(vault, { ...at, provider }))).toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    }
  });
});
