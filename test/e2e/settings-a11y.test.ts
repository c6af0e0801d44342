import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accountSid, apiKeySid, apiSecret } from '../support/fixtures.ts';
import { field, hold, mailRelay, open, press, startElementSite } from './settings-site.ts';

const axe = await readFile(
  new URL('../../node_modules/axe-core/axe.min.js', import.meta.url),
  'utf8',
);
const site = await startElementSite();
const { vault, store, env } = site;
const byKey = { accountSid: accountSid(1), apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
const PATH = '**/provider-settings/';

/** Fails for what axe finds, and for a page that is wider than its window. */
async function check(page: Page, state: string): Promise<void> {
  await page.evaluate(axe);
  const violations = await page.evaluate<string[]>(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary].join(' '))))",
  );
  expect(violations, state).toEqual([]);
  const tooWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth');
  expect(tooWide, `${state} is too wide`).toBe(false);
}

describe.each([
  ['light', 1200],
  ['light', 320], // 1280 pixels at 400 %
  ['dark', 1200],
  ['dark', 320],
] as const)('in the %s theme, %i pixels wide', (theme, width) => {
  const visit = (user: string) =>
    site.visit(user, {
      path: `/?theme=${theme}`,
      viewport: { width, height: 800 },
      colorScheme: theme,
      reducedMotion: 'reduce', // a colour on its way to another has any contrast
    });
  const tenant = `${theme}${width}`;

  it('axe finds nothing while it loads, when it fails, and where there is nothing', async () => {
    const page = await visit(`${tenant}/ada`);
    const release = await hold(page, PATH);
    await page.reload();
    await page.locator('.skeleton').first().waitFor();
    await check(page, 'loading');
    release();
    await page.locator('.card').first().waitFor();
    await page.unrouteAll();
    await page.route(PATH, (route) => route.abort());
    await page.reload();
    await page.getByRole('button', { name: 'Retry' }).waitFor();
    await check(page, 'failed');
    await page.unrouteAll();
    await page.route(PATH, (route) =>
      route.fulfill({ json: { version: 1, providers: [], activity: [], may: {}, account: 'x' } }),
    );
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.getByText('There is nothing to connect yet.').waitFor();
    await check(page, 'empty');
    await page.close();
  });

  it('axe finds nothing while somebody works with it', async () => {
    await vault.put(tenant, 'twilio', { ...byKey, phoneNumber: '+15005550006' }, { actor: 'bob' });
    await vault.put(tenant, mailRelay, { host: 'a.example', password: 'p'.repeat(20) });
    const page = await visit(`${tenant}/ada`);
    const card = await open(page, 'twilio');
    for (const provider of ['sendgrid', mailRelay.name]) await open(page, provider);
    await page.getByRole('heading', { name: 'Recent activity' }).waitFor();
    await check(page, 'connected, with activity');

    await card.getByLabel('Auth token', { exact: true }).first().check();
    await card.getByText('More settings').click();
    await field(card, 'Region').fill('nowhere');
    await field(card, 'Edge').focus();
    await card.getByText('Where do I find this? (Region)').click();
    await expect.poll(() => field(card, 'Region').getAttribute('aria-invalid')).toBe('true');
    const removed = await open(page, mailRelay.name);
    await press(removed, 'Remove');
    await check(page, 'edited, with the error of a field');

    await page.route('**/provider-settings/twilio', (route) => route.abort());
    await field(card, 'Region').fill('ie1');
    await press(card, 'Save');
    await card.getByRole('alert').waitFor();
    await check(page, 'not saved');
    await page.unrouteAll();

    await vault.patch(tenant, 'twilio', { region: 'au1' }, { actor: 'carol' });
    await press(card, 'Save');
    await card.getByRole('button', { name: 'Keep mine' }).waitFor();
    await check(page, 'a conflict');

    await press(card, 'Review');
    await card.getByText('Now stored: au1').waitFor();
    await press(card, 'Discard');
    await press(card, 'Test connection');
    await card.getByText(/^Verified/).waitFor();
    await check(page, 'verified');

    await press(card, 'Remove Twilio…');
    await page.getByRole('dialog').waitFor();
    await check(page, 'asked before it is removed');
    await page.close();
  });

  it('axe finds nothing where the credentials do not work', async () => {
    const other = `${tenant}-broken`;
    await vault.put(other, 'twilio', { ...byKey, apiSecret: apiSecret(5) });
    await store.put({ tenantId: other, provider: 'sendgrid', data: 'AAAA'.repeat(20) }, null);
    const page = await visit(`${other}/ada`);
    const card = await open(page, 'twilio');
    await open(page, 'sendgrid');
    await press(card, 'Test connection');
    await card.locator('.result.bad').waitFor();
    await card.locator('.badge.bad').waitFor();
    await check(page, 'refused and unreadable');
    env.TWILIO_ACCOUNT_SID = accountSid(2);
    env.SENDGRID_API_KEY = `SG.${'a'.repeat(22)}.b`;
    try {
      await page.reload();
      for (const provider of ['twilio', 'sendgrid']) await open(page, provider);
      await check(page, 'overridden by the operator');
    } finally {
      delete env.TWILIO_ACCOUNT_SID;
      delete env.SENDGRID_API_KEY;
    }
    await page.close();
    const reader = await visit(`${tenant}/ada/read`);
    for (const provider of ['twilio', mailRelay.name]) await open(reader, provider);
    await check(reader, 'of somebody who may only read');
    await reader.close();
  });
});

it('follows the font size of the browser, and wraps names of any length', async () => {
  await vault.put('sizes', 'twilio', byKey, { actor: `${'🙂'.repeat(20)} ${'x'.repeat(160)}` });
  const page = await site.visit('sizes/ada', { viewport: { width: 360, height: 740 } });
  const card = await open(page, 'twilio');
  await open(page, mailRelay.name);
  const tall = async (label: string) => (await field(card, label).boundingBox())?.height ?? 0;
  const before = await tall('Account SID');
  await check(page, 'a phone');
  await page.evaluate("document.documentElement.style.fontSize = '200%'");
  expect(await tall('Account SID')).toBeGreaterThan(before * 1.8);
  await check(page, 'a phone with letters of twice the size');
});

it('has broken no policy', () => {
  expect(site.complaints).toEqual([]);
});
