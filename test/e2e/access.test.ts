import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { expectNothingLeaked, openCard, problemsOf, startSite } from './visit.ts';

const site = await startSite();
const { crm } = site;
const { initech, northwind, acme } = crm.tenants;

const pageProblems = await readFile(new URL('page-problems.js', import.meta.url), 'utf8');

describe('by keyboard alone', () => {
  it('logs in, saves, and hears that it worked', async () => {
    const page = await site.visit();
    await page.getByLabel('E-mail').waitFor(); // has the focus
    await page.keyboard.type(initech.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type('of-the-browser-tests');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Settings' }).waitFor();

    const { accountSid, apiKey, apiSecret } = initech.twilio;
    const entered = { accountSid, apiKey, apiSecret };
    for (const [field, value] of Object.entries(entered)) {
      await tabTo(page, `[data-provider=twilio] input[id$="-${field}"]`);
      await page.keyboard.type(value);
    }
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('Saved.').waitFor();
    expect((await crm.vault.require('initech', 'twilio')).reveal()).toEqual(entered);
  });
});

async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    if ((await page.locator(`${selector}:focus`).count()) > 0) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${selector} cannot be reached by the Tab key`);
}

describe.each([
  ['light', 1200],
  ['light', 320], // 1280 pixels at 400 %
  ['dark', 1200],
  ['dark', 320],
] as const)('in the %s theme, %i pixels wide', (colorScheme, width) => {
  it('axe finds nothing in any view, and nothing is cut off', async () => {
    const look = { colorScheme, viewport: { width, height: 800 } };
    const expectNoProblems = async (page: Page) => {
      expect(await problemsOf(page)).toEqual([]);
      expect(await page.evaluate(pageProblems)).toEqual([]);
    };
    const page = await site.visit(look);
    await page.getByLabel('E-mail').fill(initech.email);
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').getByText('E-mail or password is wrong.').waitFor();
    await expectNoProblems(page);
    await page.context().close();

    const inside = await site.visitAs(northwind, look);
    await crm.db.collection('notices').deleteMany({});
    const notice = { tenantId: northwind.tenantId, provider: 'twilio', at: new Date() };
    await crm.db.collection('notices').insertOne({ ...notice, state: 'failing' });
    await inside.reload();
    await inside.getByText('Twilio refuses these credentials').waitFor();
    for (const provider of ['twilio', 'sendgrid', 'smtp']) await openCard(inside, provider);
    await expectNoProblems(inside);

    await crm.db.collection('email_drafts').deleteMany({});
    const mail = { tenantId: northwind.tenantId, to: 'a@b.example', text: 'x' };
    await crm.db.collection('email_drafts').insertMany([
      { ...mail, id: '1', subject: 'One', state: 'draft' },
      { ...mail, id: '2', subject: 'Two', state: 'unclear' },
      { ...mail, id: '3', subject: 'Three', state: 'sending', since: new Date() },
    ]);
    await inside.getByRole('link', { name: 'Leads' }).click();
    await inside.getByText('It is not known').waitFor();
    await inside.getByRole('button', { name: 'Call Alan Turing' }).click();
    await inside.getByText('Enter "Phone number" in the settings first.').waitFor();
    await expectNoProblems(inside);
    await inside.getByRole('button', { name: 'E-mail Alan Turing' }).click();
    await expectNoProblems(inside);
    await inside.keyboard.press('Escape');
    expect(await inside.getByRole('dialog').count()).toBe(0);

    await crm.db.collection('sessions').deleteMany({});
    await inside.getByRole('button', { name: 'Delete: One' }).click();
    await inside.getByRole('dialog').getByLabel('Password').waitFor();
    await expectNoProblems(inside);
    await inside.context().close();
  });
});

it('says so where a record cannot be opened, and offers to remove it', async () => {
  const secrets = crm.db.collection('secrets');
  await secrets.insertOne({ tenantId: 'acme', provider: 'twilio', data: 'AAAA'.repeat(20) });
  const page = await site.visitAs(acme);
  const card = await openCard(page, 'twilio');
  await card.getByText('What is stored cannot be opened.').waitFor();
  await card.getByRole('button', { name: 'Remove Twilio…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove Twilio' }).click();
  await card.getByText('Not connected').waitFor();
});

it('follows the font size of the browser', async () => {
  const page = await site.visit();
  const size = async () => (await page.getByLabel('E-mail').boundingBox())?.height ?? 0;
  const before = await size();
  await page.evaluate("document.documentElement.style.fontSize = '187.5%'");
  expect(await size()).toBeGreaterThan(before * 1.7);
});

it('has sent no secret to any browser, and logged none', () => expectNothingLeaked(site));
