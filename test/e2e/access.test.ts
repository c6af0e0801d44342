import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { expectNothingLeaked, openCard, startSite } from './visit.ts';

const site = await startSite();
const { crm } = site;
const { initech, northwind } = crm.tenants;

const pageProblems = await readFile(new URL('page-problems.js', import.meta.url), 'utf8');
const problemsOf = (page: Page): Promise<string[]> => page.evaluate(pageProblems);

describe('by keyboard alone', () => {
  it('logs in, saves, and hears that it worked', async () => {
    const page = await site.visit();
    await page.getByLabel('E-mail').waitFor(); // has the focus
    await page.keyboard.type(initech.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type('of-the-browser-tests');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Settings' }).waitFor();

    const { accountSid, authToken } = initech.twilio;
    await tabTo(page, 'accountSid');
    await page.keyboard.type(accountSid);
    await tabTo(page, 'authToken');
    await page.keyboard.type(authToken);
    await page.keyboard.press('Enter');
    await page.getByText('Saved.').waitFor();
    const focused = page.locator(':focus');
    expect(await focused.textContent()).toBe('Save');

    await tabTo(page, 'authToken', 'Shift+Tab'); // a mask is replaced whole by typing
    await page.keyboard.type(authToken);
    await page.keyboard.press('Enter');
    await page.getByText('Saved.').waitFor();
    const stored = await crm.vault.require('initech', 'twilio');
    expect(stored.reveal()).toEqual({ accountSid, authToken });
  });
});

async function tabTo(page: Page, name: string, key = 'Tab'): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    if ((await page.locator(`[name=${name}]:focus`).count()) > 0) return;
    await page.keyboard.press(key);
  }
  throw new Error(`The field ${name} cannot be reached by the Tab key`);
}

describe.each([
  ['a wide window', { width: 1200, height: 900 }],
  ['a phone', { width: 360, height: 740 }],
])('in %s', (_name, viewport) => {
  it('every field has a label, every button a name, and nothing is cut off', async () => {
    const page = await site.visit({ viewport });
    await page.getByLabel('E-mail').waitFor();
    expect(await problemsOf(page)).toEqual([]);
    const inside = await site.visitAs(northwind, { viewport });
    for (const provider of ['twilio', 'sendgrid', 'smtp']) await openCard(inside, provider);
    expect(await problemsOf(inside)).toEqual([]);
    await inside.getByRole('link', { name: 'Leads' }).click();
    await inside.getByRole('button', { name: 'E-mail Alan Turing' }).click();
    expect(await problemsOf(inside)).toEqual([]);
    await inside.keyboard.press('Escape');
    expect(await inside.getByRole('dialog').count()).toBe(0);
  });
});

it('says what is wrong with a login, and asks for a new one when the session is over', async () => {
  const page = await site.visit();
  await page.getByLabel('E-mail').fill(initech.email);
  await page.getByLabel('Password').fill('wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('alert').getByText('E-mail or password is wrong.').waitFor();

  const inside = await site.visitAs(initech);
  await crm.db.collection('sessions').deleteMany({});
  await inside.getByRole('link', { name: 'Leads' }).click();
  await inside.getByRole('heading', { name: 'Log in' }).waitFor();
});

it('says so where a record cannot be opened, and offers to remove it', async () => {
  const secrets = crm.db.collection('secrets');
  await secrets.insertOne({ tenantId: 'acme', provider: 'twilio', data: 'AAAA'.repeat(20) });
  const page = await site.visitAs(crm.tenants.acme);
  const card = await openCard(page, 'twilio');
  await card.getByText('The stored credentials cannot be opened.').waitFor();
  await card.getByText('ERR_DECRYPTION_FAILED').waitFor();
  await card.getByRole('button', { name: 'Remove…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await card.getByText('Nothing is stored.').waitFor();
});

it('has sent no secret to any browser, and logged none', () => expectNothingLeaked(site));
