import type { Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { expectNothingLeaked, logIn, openCard, password, startSite } from './visit.ts';

const site = await startSite();
const { crm } = site;
const { initech, globex } = crm.tenants;
const endSessions = () => crm.db.collection('sessions').deleteMany({});
beforeEach(() => crm.db.collection('email_drafts').deleteMany({}));

async function logInAgain(page: Page, email?: string) {
  const dialog = page.getByRole('dialog', { name: 'Log in again' });
  await dialog.waitFor();
  if (email !== undefined) await dialog.getByLabel('E-mail').fill(email);
  await dialog.getByLabel('Password').fill(password);
  await dialog.getByRole('button', { name: 'Log in' }).click();
  return dialog;
}

describe('when the session is over', () => {
  it('asks to log in, and what is typed into a message is still there', async () => {
    const page = await site.visitAs(initech);
    await page.getByRole('link', { name: 'Leads' }).click();
    await page.getByRole('button', { name: 'E-mail Alan Turing' }).click();
    await page.getByLabel('Subject').fill('A long letter');
    await page.getByLabel('Text', { exact: true }).fill('Dear Alan,');
    await endSessions();
    await page.getByRole('button', { name: 'Save draft' }).click();
    await (await logInAgain(page)).waitFor({ state: 'detached' });
    expect(await page.getByLabel('Text', { exact: true }).inputValue()).toBe('Dear Alan,');
    await page.getByRole('button', { name: 'Save draft' }).click();
    await page.getByRole('button', { name: 'Send: A long letter' }).waitFor();
    await page.context().close();
  });

  it('asks to log in, and what is typed into the settings is still there', async () => {
    const page = await site.visitAs(initech);
    const card = await openCard(page, 'openai');
    await card.getByRole('textbox', { name: 'API key' }).fill('typed-and-not-saved');
    // the cookie itself has expired, too
    await page.context().clearCookies({ name: 'crm-session' });
    await card.getByRole('button', { name: 'Save' }).click();
    await (await logInAgain(page)).waitFor({ state: 'detached' });
    expect(await card.getByRole('textbox', { name: 'API key' }).inputValue()).toBe(
      'typed-and-not-saved',
    );
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByText('Saved now').waitFor();
    expect((await crm.vault.require('initech', 'openai')).apiKey).toBe('typed-and-not-saved');
    await page.context().close();
  });

  it('goes on to the page that was asked for', async () => {
    const page = await site.visitAs(initech);
    await page.waitForLoadState('networkidle'); // else the page asks to log in before it is asked for another
    await endSessions();
    await page.getByRole('link', { name: 'Leads' }).click();
    await logInAgain(page);
    await page.getByRole('heading', { name: 'Leads' }).waitFor();
    await page.context().close();
  });

  it('starts afresh when somebody else logs in', async () => {
    const page = await site.visitAs(initech);
    await page.waitForLoadState('networkidle'); // else the page asks to log in before it is asked for another
    await endSessions();
    await page.getByRole('link', { name: 'Leads' }).click();
    await logInAgain(page, globex.email);
    await page.getByText('globex', { exact: true }).waitFor();
    await page.context().close();
  });
});

describe('another account in another tab', () => {
  it('is noticed, and nothing is saved for it', async () => {
    const page = await site.visitAs(initech);
    await page.getByRole('link', { name: 'Leads' }).click();
    await page.getByRole('button', { name: 'E-mail Alan Turing' }).click();
    await page.getByLabel('Subject').fill('For Initech');
    await page.getByLabel('Text', { exact: true }).fill('Dear Alan,');

    const other = await page.context().newPage();
    await other.goto(crm.url);
    await other.getByRole('button', { name: 'Log out' }).click();
    await logIn(other, globex.email);

    // without a look at this tab: as a click that comes at once
    await page.getByRole('button', { name: 'Save draft' }).click();
    const dialog = page.getByRole('dialog', { name: 'Another account' });
    await dialog.getByText(`you are now logged in as ${globex.email}`).waitFor();
    expect(await crm.db.collection('email_drafts').countDocuments()).toBe(0);
    await dialog.getByRole('button', { name: `Go on as ${globex.email}` }).click();
    await page.getByText('globex', { exact: true }).waitFor();
    await page.context().close();
  });

  it('is noticed by the settings too', async () => {
    const page = await site.visitAs(initech);
    const card = await openCard(page, 'anthropic');
    await card.getByRole('textbox', { name: 'API key' }).fill('of-initech');
    const other = await page.context().newPage();
    await other.goto(crm.url);
    await other.getByRole('button', { name: 'Log out' }).click();
    await logIn(other, globex.email);
    await card.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('dialog', { name: 'Another account' }).waitFor();
    for (const tenant of ['initech', 'globex']) {
      expect(await crm.vault.get(tenant, 'anthropic')).toBeUndefined();
    }
    await page.context().close();
  });

  it('is no other account when the same user logs in again', async () => {
    const page = await site.visitAs(initech);
    await page.getByRole('link', { name: 'Leads' }).click();
    await page.getByRole('button', { name: 'E-mail Alan Turing' }).click();
    await page.getByLabel('Subject').fill('Still mine');
    await page.getByLabel('Text', { exact: true }).fill('Dear Alan,');
    const other = await page.context().newPage();
    await other.goto(crm.url);
    await other.getByRole('button', { name: 'Log out' }).click();
    await logIn(other, initech.email);
    await page.getByRole('button', { name: 'Save draft' }).click();
    await page.getByRole('button', { name: 'Send: Still mine' }).waitFor();
    await page.context().close();
  });
});

it('shows the page that was asked for last, however slow the one before is', async () => {
  const page = await site.visitAs(initech);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/api/leads', async (route) => {
    await held;
    await route.continue();
  });
  await page.getByRole('link', { name: 'Leads' }).click();
  await page.getByRole('link', { name: 'Settings' }).click();
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
  const answered = page.waitForResponse('**/api/leads');
  release();
  await (await answered).finished();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Settings');
  await page.context().close();
});

it('has sent no secret to any browser, and logged none', () => expectNothingLeaked(site));
