import { googleMail } from 'provider-vault/oauth';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { CrmClient } from '../../examples/demo/crm-client.ts';
import { startMailServer } from '../support/mail-server.ts';
import { startOidcServer } from '../support/oidc-server.ts';
import { crmSite } from './crm-site.ts';

const mailServer = await startMailServer();
const oidc = await startOidcServer({
  redirectUri: 'http://127.0.0.1/api/connect/googleMail/callback',
});
afterAll(async () => {
  mailServer.close();
  await oidc.close();
});
const google = googleMail(
  { clientId: 'crm', clientSecret: 'crm-secret' },
  {
    issuer: oidc.url,
    authorizationEndpoint: `${oidc.url}/auth`,
    tokenEndpoint: `${oidc.url}/token`,
    scopes: ['openid', 'offline_access'],
    mail: { hostname: 'localhost', port: mailServer.port },
  },
);
const { crm, db, logIn, ada, logLines } = await crmSite({
  mailboxes: [{ title: 'Google Mail', definition: google }],
  upkeep: { refreshEveryMs: 200 },
});
const ivy = await logIn(crm.tenants.initech);
const account = 'sales@acme.example';
const mail = { to: 'grace@navy.example', subject: 'Hello', text: 'How are you?' };

async function mailbox(client: CrmClient) {
  const [first] = (await client.get('connect')).body.mailboxes;
  return first;
}

describe('e-mail by the mail server of a tenant', () => {
  const fields = { hostname: '127.0.0.1', port: String(mailServer.port), username: 'sales' };
  const save = async (form: Record<string, string>) =>
    expect((await ada.save('smtp', form)).status).toBe(200);

  it('goes there as soon as the server is set up, in the place of SendGrid', async () => {
    await save(fields); // no password yet
    expect((await ada.post('email/send', mail)).status).toBe(202);
    expect(crm.sendgrid.mails).toHaveLength(1);
    await save({ password: 'right-password' });
    expect(await ada.post('email/send', mail)).toMatchObject({
      status: 409,
      body: { error: { message: 'Enter "Sender" in the settings first.' } },
    });
    await save({ fromEmail: account });
    expect((await ada.post('email/send', mail)).status).toBe(202);
    expect(crm.sendgrid.mails).toHaveLength(1);
    expect(mailServer.seen.logins).toEqual(['PLAIN sales']);
    expect(mailServer.seen.mails[0]).toMatch(/^From: sales@acme\.example\r$/m);
    expect(mailServer.seen.mails[0]).toContain('How are you?');
  });

  it('is not sent another way when the server refuses', async () => {
    await save({ password: 'wrong-password' });
    const answer = await ada.post('email/send', mail);
    expect(answer).toMatchObject({ status: 502, body: { error: { code: 'ERR_PROVIDER' } } });
    expect(JSON.stringify(answer)).not.toContain('wrong-password');
    expect([crm.sendgrid.mails, mailServer.seen.mails].map(({ length }) => length)).toEqual([1, 1]);
    expect((await ada.provider('smtp')).health).toMatchObject({ state: 'failing' });
  });
});

describe('a mailbox that a tenant connects', () => {
  /** As the page does it, up to where the provider leads the browser. */
  async function begin(client: CrmClient) {
    const { status, body } = await client.post('connect/googleMail', { account });
    expect(status).toBe(200);
    return body.url as string;
  }
  const come = (client: CrmClient, url: string) =>
    client.raw('GET', url.slice(`${crm.url}/api/`.length), undefined, {});

  it('has no form, and no address that is none', async () => {
    expect(await mailbox(ada)).toMatchObject({ state: 'missing', etag: null, account: '' });
    expect(await ada.provider('googleMail')).toBeUndefined();
    const fields = { accessToken: 'mine' };
    const patch = ['PATCH', 'provider-settings/googleMail', { fields }] as const;
    expect((await ada.request(...patch, { 'if-none-match': '*' })).status).toBe(404);
    expect((await ada.post('connect/googleMail', { account: { $ne: '' } })).status).toBe(400);
    expect((await ada.post('connect/slack', { account })).status).toBe(404);
  });

  it('sends with a token of OAuth', async () => {
    const callback = await oidc.agree(await begin(ada));
    const answer = await fetchRedirect(ada, callback);
    expect(answer).toEqual([303, '/#/settings']);
    const { accessToken } = await crm.vault.require('acme', google);
    mailServer.accepted.add(String(accessToken));
    expect((await ada.post('email/send', mail)).status).toBe(202);
    expect(mailServer.seen.logins.at(-1)).toBe(`XOAUTH2 ${account}`);
    expect(mailServer.seen.mails.at(-1)).toMatch(/^From: sales@acme\.example\r$/m);
    expect(await mailbox(ada)).toMatchObject({ state: 'configured', account });
    // a second visit has no transaction any more
    expect(await fetchRedirect(ada, callback)).toEqual([303, '/#/settings/not-connected']);
    const code = new URL(callback).searchParams.get('code') ?? '';
    expect(logLines.join('')).not.toContain(code);
    expect(ada.answers.join('')).not.toContain(String(accessToken));
    expect(JSON.stringify(await db.collection('sessions').find().toArray())).not.toContain(code);
  });

  it('belongs to the session that has begun', async () => {
    const callback = await oidc.agree(await begin(ada));
    await begin(ivy);
    expect(await fetchRedirect(ivy, callback)).toEqual([303, '/#/settings/not-connected']);
    expect(await crm.vault.list('initech')).toEqual([]);
    const nobody = await fetch(callback, { redirect: 'manual' });
    expect(nobody.status).toBe(401);
  });

  it('stays away when the customer says no', async () => {
    const { searchParams } = new URL(await begin(ivy));
    const callback = new URL(`${crm.url}/api/connect/googleMail/callback`);
    callback.searchParams.set('error', 'access_denied');
    callback.searchParams.set('state', searchParams.get('state') ?? '');
    expect(await fetchRedirect(ivy, callback.href)).toEqual([303, '/#/settings']);
    expect(await crm.vault.list('initech')).toEqual([]);
  });

  it('is renewed by a timer, and the tenant is told once when it has to connect again', async () => {
    const soon = new Date(Date.now() + 60_000).toISOString();
    const { accessToken } = await crm.vault
      .patch('acme', google, { expiresAt: soon })
      .then(() => crm.vault.require('acme', google));
    const renewed = await vi.waitFor(async () => {
      const now = await crm.vault.require('acme', google);
      expect(now.accessToken).not.toBe(accessToken);
      return now;
    }, 20_000);
    expect(renewed.account).toBe(account);
    await crm.vault.patch('acme', google, { expiresAt: soon, refreshToken: 'taken back' });
    const text = 'Google Mail has ended this connection: connect again';
    const told = async () =>
      (await ada.get('settings')).body.notices.filter((notice: { text: string }) =>
        notice.text.includes('Google Mail'),
      );
    await vi.waitFor(async () => expect(await told()).toMatchObject([{ text }]), 20_000);
    expect((await mailbox(ada)).health).toMatchObject({ ok: false, text });
    const answer = await ada.post('email/send', mail);
    expect(answer).toMatchObject({ status: 502, body: { error: { code: 'ERR_REFRESH_FAILED' } } });
    expect(answer.body.error.message).toContain('connect the account again');
    await new Promise((resolve) => setTimeout(resolve, 600)); // three more runs
    expect(await told()).toHaveLength(1);
  });

  it('is disconnected only in the version that the page has shown', async () => {
    const disconnect = (etag: unknown) => ada.request('DELETE', 'connect/googleMail', { etag });
    expect((await disconnect(undefined)).status).toBe(400);
    expect((await disconnect({ $ne: '' })).status).toBe(400);
    expect((await disconnect('A'.repeat(16))).status).toBe(409);
    expect((await disconnect((await mailbox(ada)).etag)).status).toBe(200);
    expect(await mailbox(ada)).toMatchObject({ state: 'missing', etag: null });
  });

  async function fetchRedirect(client: CrmClient, url: string) {
    const response = await come(client, url);
    return [response.status, response.headers.get('location')];
  }
});
