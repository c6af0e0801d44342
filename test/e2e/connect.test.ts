import { googleMail } from 'provider-vault/oauth';
import { afterAll, expect, it } from 'vitest';
import { startOidcServer } from '../support/oidc-server.ts';
import { problemsOf, startSite } from './visit.ts';

const oidc = await startOidcServer({
  redirectUri: 'http://127.0.0.1/api/connect/googleMail/callback',
});
afterAll(() => oidc.close());
const definition = googleMail(
  { clientId: 'crm', clientSecret: 'crm-secret' },
  {
    issuer: oidc.url,
    authorizationEndpoint: `${oidc.url}/auth`,
    tokenEndpoint: `${oidc.url}/token`,
    scopes: ['openid', 'offline_access'],
  },
);
const site = await startSite({
  mailboxes: [{ title: 'Google Mail', definition }],
  upkeep: { refreshEveryMs: 200 },
});
const { crm } = site;
const { acme } = crm.tenants;
const account = 'sales@acme.example';
const page = await site.visitAs(acme);
const card = page.locator('[data-mailbox=googleMail]');

it('a tenant connects its mailbox by a button, at the provider', async () => {
  await card.getByText('Not connected').waitFor();
  await card.getByLabel('Mail address').fill('sales');
  await card.getByRole('button', { name: 'Connect Google Mail' }).click();
  await card.getByText('This is not an e-mail address.').waitFor();
  await card.getByLabel('Mail address').fill(account);
  await card.getByRole('button', { name: 'Connect Google Mail' }).click();
  // the provider's own pages
  await page.locator('[name=login]').fill('customer');
  await page.locator('[name=password]').fill('x');
  await page.locator('[type=submit]').click();
  await page.getByRole('button', { name: 'Continue' }).click();
  await card.getByText('Connected', { exact: true }).waitFor();
  await card.getByText(`E-mail to leads goes out from ${account}.`).waitFor();
  expect((await crm.vault.require('acme', definition)).account).toBe(account);
});

it('a tenant is told on the card when the connection has ended, and in its notices', async () => {
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  await crm.vault.patch('acme', definition, { expiresAt, refreshToken: 'taken back' });
  const health = card.getByText('Google Mail has ended this connection: connect again');
  const notice = page.getByRole('region', { name: 'Notices' }).getByText('connect again');
  await expect
    .poll(async () => {
      await page.reload();
      await card.waitFor();
      return [await health.count(), await notice.count()];
    })
    .toEqual([1, 1]);
  expect(await health.textContent()).toContain('since just now');
  await card.getByRole('button', { name: 'Connect Google Mail again' }).waitFor();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await problemsOf(page)).toEqual([]);
  }
});

it('a tenant is told when it could not be connected', async () => {
  await page.goto(`${crm.url}/api/connect/googleMail/callback?code=made-up&state=made-up`);
  await page.getByText('The mailbox could not be connected. Try again.').waitFor();
  await card.waitFor();
});

it('a tenant disconnects it, after a question', async () => {
  await card.getByRole('button', { name: 'Disconnect…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
  await card.getByText('Not connected').waitFor();
  expect(await page.locator(':focus').textContent()).toBe('Connect Google Mail');
  expect(await crm.vault.get('acme', definition)).toBeUndefined();
});

it('no page complained', () => expect(site.complaints).toEqual([]));
