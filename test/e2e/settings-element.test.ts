import { gzipSync } from 'node:zlib';
import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accountSid, apiKeySid, apiSecret, authToken } from '../support/fixtures.ts';
import {
  buildElement,
  field,
  hold,
  logIn,
  mailRelay,
  open,
  press,
  startElementSite,
} from './settings-site.ts';

const site = await startElementSite();
const { vault, twilio } = site;
const number = '+15005550006';
const byToken = { accountSid: accountSid(1), authToken: authToken(1) };
const byKey = { accountSid: accountSid(1), apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
let tenants = 0;
let last: Page | undefined;

/** A page of a tenant of its own, with what is stored before. */
async function visit(stored: object = {}, options = {}) {
  const tenant = `tenant${++tenants}`;
  for (const [provider, fields] of Object.entries(stored)) {
    await vault.put(tenant, provider, fields, { actor: 'bob' });
  }
  await last?.close({ runBeforeUnload: false });
  const page = await site.visit(`${tenant}/ada`, options);
  last = page;
  await page.locator('[data-provider=twilio]').waitFor();
  const card = await open(page, 'twilio');
  return { page, card, tenant, stored: async () => (await vault.get(tenant, 'twilio'))?.reveal() };
}

const state = (card: Locator) => card.locator('.badge');
/** The name of the field or the text of the button that has the focus, inside the element. */
const focused = (page: Page) =>
  page.evaluate<string>(
    '(() => { const e = document.activeElement?.shadowRoot?.activeElement; return e ? e.name || e.textContent || e.value : document.activeElement.tagName })()',
  );

describe('connecting', () => {
  it('offers the ways to connect, and saves the chosen one', async () => {
    const { page, card, stored } = await visit();
    expect(await state(card).textContent()).toBe('Not connected');
    expect(await card.getByLabel(/^API key\s*Recommended$/).isChecked()).toBe(true);
    expect(await field(card, 'API key SID').isVisible()).toBe(true);
    await card.getByLabel('Auth token', { exact: true }).first().check();
    expect(await field(card, 'API key SID').count()).toBe(0);
    await card.locator('input.value[name=accountSid]').fill(` ${byToken.accountSid} `);
    await card.locator('input.value[name=authToken]').fill(byToken.authToken);
    await field(card, 'Phone number').fill(number);
    await press(card, 'Save');
    await card.getByText('Ready for: text messages').waitFor();
    expect(await stored()).toEqual({ ...byToken, phoneNumber: number });
    expect(await focused(page)).toBe('Save');
    expect(await page.content()).not.toContain(byToken.authToken);
    expect(await card.locator('input.value[name=authToken]').inputValue()).toBe('');
    const mask = `••••••••${byToken.authToken.slice(-4)}`;
    await card.getByText(`Stored: ${mask}. Type to replace it.`).waitFor();
    await page.getByText('Saved now by ada').waitFor();
  });

  it('removes the fields of the other way, and says so before', async () => {
    const { page, card, stored } = await visit({ twilio: byKey });
    await card.getByLabel('Auth token', { exact: true }).first().check();
    await card.getByText('Saving also removes: API key SID and API key secret.').waitFor();
    await card.locator('input.value[name=authToken]').fill(byToken.authToken);
    await press(card, 'Save');
    await page.getByText('Saved now by ada').waitFor();
    expect(await stored()).toEqual(byToken);
  });

  it('names what is missing', async () => {
    const { card } = await visit({ twilio: { accountSid: accountSid(1) } });
    expect(await state(card).textContent()).toBe('Still missing: Auth token');
  });

  it('wants the secrets again when their destination changes', async () => {
    const relay = { host: 'a.example', password: 'p'.repeat(20) };
    const { page } = await visit({ [mailRelay.name]: relay });
    const card = await open(page, mailRelay.name);
    await field(card, 'Host').fill('b.example');
    await press(card, 'Save');
    await card.getByText('Enter this again, because Host changes.').waitFor();
    expect(await focused(page)).toBe('password');
    await field(card, 'Host').fill('a.example ');
    expect(await card.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await field(card, 'Host').fill('b.example');
    await field(card, 'Password').fill('q'.repeat(20));
    await press(card, 'Save');
    await page.getByText('Saved now by ada').waitFor();
  });
});

describe('a form', () => {
  it('has nothing to save until something changes, and can be discarded', async () => {
    const { page, card } = await visit({ twilio: { ...byToken, phoneNumber: number } });
    const save = card.getByRole('button', { name: 'Save' });
    const discard = card.getByRole('button', { name: 'Discard' });
    expect(await save.isDisabled()).toBe(true);
    expect(await discard.isDisabled()).toBe(true);
    await field(card, 'Phone number').fill('+15005550007');
    expect(await save.isDisabled()).toBe(false);
    await field(card, 'Phone number').fill(number);
    expect(await save.isDisabled()).toBe(true);
    await field(card, 'Phone number').fill('');
    await card.locator('input.value[name=authToken]').fill('x');
    await discard.click();
    expect(await field(card, 'Phone number').inputValue()).toBe(number);
    expect(await card.locator('input.value[name=authToken]').inputValue()).toBe('');
    expect(await focused(page)).toBe('Discard');
    expect(await save.isDisabled()).toBe(true);
  });

  it('checks a field when it is left, in the words of its hint, and clears that on input', async () => {
    const { card } = await visit();
    const sid = field(card, 'Account SID');
    await card.getByText('Looks like: "AC" and 32 hex digits').waitFor();
    await sid.fill('AC123');
    expect(await card.locator('.error:visible').count()).toBe(0);
    await sid.blur();
    const message = card.getByText('This does not have the expected form: "AC" and 32 hex digits.');
    await message.waitFor();
    expect(await sid.getAttribute('aria-invalid')).toBe('true');
    await sid.pressSequentially('4');
    await message.waitFor({ state: 'hidden' });
    expect(await sid.getAttribute('aria-invalid')).toBeNull();
  });

  it('is saved by the Enter key, with the focus on what is wrong', async () => {
    const { page, card, stored } = await visit();
    await field(card, 'Phone number').fill(number);
    await field(card, 'API key SID').fill('wrong');
    await page.keyboard.press('Enter');
    await card.getByRole('alert').getByText('Some fields need another look.').waitFor();
    expect(await focused(page)).toBe('apiKey');
    expect(await stored()).toBeUndefined();
    await field(card, 'API key SID').fill('');
    await page.keyboard.press('Enter');
    await card.getByText('Still missing:').waitFor();
    expect(await stored()).toEqual({ phoneNumber: number });
  });

  it('keeps the focus in the field from which it was saved', async () => {
    const { page, card, stored } = await visit();
    await field(card, 'API key SID').fill(byKey.apiKey);
    await field(card, 'Account SID').fill(byKey.accountSid);
    await page.keyboard.press('Enter');
    await page.getByText('Saved now by ada').waitFor();
    expect(await focused(page)).toBe('accountSid');
    expect(await stored()).toMatchObject({ apiKey: byKey.apiKey });
    await page.evaluate("document.querySelector('provider-settings').refresh()");
    expect(await focused(page)).toBe('accountSid');
  });

  it('is pressed where the pointer is, also when an error appears on the way', async () => {
    const { page, card } = await visit({}, { viewport: { width: 900, height: 2000 } });
    await field(card, 'API key SID').fill('wrong');
    for (const target of [
      card.getByRole('button', { name: 'Save' }),
      page.locator('[data-provider=sendgrid] button.head'),
    ]) {
      await field(card, 'API key SID').pressSequentially('!');
      const box = await target.boundingBox();
      await page.mouse.move((box?.x ?? 0) + 20, (box?.y ?? 0) + 3);
      await page.mouse.down();
      await page.waitForTimeout(100);
      expect(await target.boundingBox()).toEqual(box);
      await page.mouse.up();
      await card.getByText('This does not have the expected form: "SK"').waitFor();
    }
    await card.getByRole('alert').getByText('Some fields need another look.').waitFor();
    const other = page.locator('[data-provider=sendgrid] button.head');
    expect(await other.getAttribute('aria-expanded')).toBe('true');
  });

  it('says to a screen reader what it does', async () => {
    const { page, card } = await visit({ twilio: byToken });
    const said = (text: string) =>
      expect.poll(() => page.locator('.live[role=status]').textContent()).toBe(text);
    await field(card, 'Account SID').fill('AC1');
    await field(card, 'Phone number').focus();
    await said('Account SID: This does not have the expected form: "AC" and 32 hex digits.');
    await press(card, 'Discard');
    await said('Changes discarded.');
    await field(card, 'Phone number').fill(number);
    await press(card, 'Save');
    await said('Saved.');
  });

  it('is reached by the Tab key from its top to its end, each field before its buttons', async () => {
    const { page, card } = await visit({ twilio: byToken });
    await card.locator('button.head').focus();
    const seen: string[] = [];
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press('Tab');
      const name = await focused(page);
      if (/^SendGrid/.test(name)) break;
      seen.push(name);
    }
    const help = (label: string) => `Where do I find this? (${label})`;
    expect(seen).toEqual([
      expect.stringMatching(/method$/), // the radio buttons are one stop
      ...['accountSid', help('Account SID')],
      ...['authToken', 'Remove', help('Auth token')],
      ...['phoneNumber', help('Phone number')],
      ...['whatsappNumber', help('WhatsApp number')],
      ...['twimlAppSid', help('TwiML app SID')],
      'More settings',
      'Copy',
      'Test connection',
      'Remove Twilio…',
    ]);
  });

  it('keeps what is typed while it saves', async () => {
    const { page, card, stored } = await visit({ twilio: byToken });
    const release = await hold(page, '**/provider-settings/twilio');
    await field(card, 'Phone number').fill(number);
    await press(card, 'Save');
    await card.getByRole('button', { name: 'Saving…' }).waitFor();
    await field(card, 'WhatsApp number').fill('+15005550009');
    await field(card, 'Phone number').fill('+15005550008');
    release();
    await card.getByRole('button', { name: 'Save', exact: true }).waitFor();
    await page.getByText('Saved now by ada').waitFor();
    expect((await stored())?.phoneNumber).toBe(number);
    expect(await field(card, 'Phone number').inputValue()).toBe('+15005550008');
    expect(await field(card, 'WhatsApp number').inputValue()).toBe('+15005550009');
    await press(card, 'Save');
    await expect.poll(async () => (await stored())?.phoneNumber).toBe('+15005550008');
  });

  it('keeps what is typed when the element is moved', async () => {
    const { page, card } = await visit({ twilio: byToken });
    await field(card, 'Phone number').fill(number);
    await page.evaluate("document.body.append(document.querySelector('provider-settings'))");
    expect(await field(card, 'Phone number').inputValue()).toBe(number);
  });

  it('warns before a page with unsaved changes is left', async () => {
    const { page, card } = await visit({ twilio: byToken });
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      dialog.accept();
    });
    await page.reload();
    expect(asked).toEqual([]);
    await open(page, 'twilio');
    await field(card, 'Phone number').fill(number);
    await page.reload();
    expect(asked).toEqual(['beforeunload']);
  });

  it('removes a secret, and takes that back, with the focus on the button beside it', async () => {
    const { page, card, stored } = await visit({
      twilio: { ...byToken, authTokenSecondary: authToken(2) },
    });
    const more = card.locator('details.more');
    expect(await more.getAttribute('open')).not.toBeNull();
    await press(more, 'Remove');
    await more.getByText('Is removed when you save.').filter({ visible: true }).waitFor();
    expect(await focused(page)).toBe('Undo');
    await page.keyboard.press('Enter');
    expect(await focused(page)).toBe('Remove');
    expect(await card.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await press(more, 'Remove');
    await press(card, 'Save');
    await expect.poll(stored).toEqual(byToken);
    // A field comes before its button in the order of the Tab key.
    const order = await card.evaluate<string[], unknown>((form) => {
      const all = (
        form as { querySelectorAll(s: string): Iterable<{ tagName: string }> }
      ).querySelectorAll('.entry > *');
      return [...all].map(({ tagName }) => tagName).slice(0, 2);
    }, null);
    expect(order).toEqual(['INPUT', 'BUTTON']);
  });
});

interface Styled {
  getComputedStyle(element: unknown): {
    readonly color: string;
    getPropertyValue(name: string): string;
  };
}

describe('when something goes wrong', () => {
  it('says so beside the form, in red, until the next try', async () => {
    const { page, card } = await visit({ twilio: byToken });
    await page.route('**/provider-settings/twilio', (route) => route.abort());
    await field(card, 'Phone number').fill(number);
    await press(card, 'Save');
    const alert = card.getByRole('alert');
    await alert.getByText('The server cannot be reached.').waitFor();
    const colour = await alert
      .locator('p')
      .first()
      .evaluate((element) => (globalThis as unknown as Styled).getComputedStyle(element).color);
    expect(colour).toBe('rgb(179, 32, 29)');
    await page.waitForTimeout(500);
    expect(await alert.isVisible()).toBe(true);
    expect(await field(card, 'Phone number').inputValue()).toBe(number);
    await page.unroute('**/provider-settings/twilio');
    await press(card, 'Save');
    await alert.waitFor({ state: 'hidden' });
  });

  it('lists what is wrong with fields that are not shown', async () => {
    const { page, card } = await visit({ twilio: byToken });
    await page.route('**/provider-settings/twilio', (route) =>
      route.fulfill({
        status: 422,
        json: {
          error: { code: 'ERR_INVALID_ARGUMENT', message: 'Some fields need another look.' },
          errors: { apiKey: 'This is not your key.', other: 'What is this?' },
        },
      }),
    );
    await field(card, 'Phone number').fill(number);
    await press(card, 'Save');
    const alert = card.getByRole('alert');
    await alert.getByText('API key SID: This is not your key.').waitFor();
    await alert.getByText('other: What is this?').waitFor();
    expect(await focused(page)).toBe('Save');
  });

  it('refuses what was typed for another account', async () => {
    const { page, card, tenant } = await visit();
    await field(card, 'Phone number').fill(number);
    await logIn(page.context(), `${tenant}-other/eve`, page.url());
    await press(card, 'Save');
    await card
      .getByText('You are logged in to another account now. Load the page again.')
      .waitFor();
    expect(await vault.get(`${tenant}-other`, 'twilio')).toBeUndefined();
    expect(await field(card, 'Phone number').inputValue()).toBe(number);
    await press(card, 'Load again');
    await page.locator('[data-provider=twilio]').waitFor();
    const fresh = await open(page, 'twilio');
    expect(await field(fresh, 'Phone number').inputValue()).toBe('');
    expect(await focused(page)).not.toBe('BODY');
  });

  it('never shows what is typed for one account in the page of another', async () => {
    const { page, card, tenant } = await visit();
    await field(card, 'Phone number').fill(number);
    await logIn(page.context(), `${tenant}-other/eve`, page.url());
    await page.evaluate("document.querySelector('provider-settings').refresh()");
    await card.waitFor();
    await expect.poll(() => page.locator('input[name=phoneNumber]').inputValue()).toBe('');
  });

  it('shows who changed what, and offers to review it', async () => {
    const { page, card, tenant, stored } = await visit({
      twilio: { ...byToken, phoneNumber: number },
    });
    await field(card, 'Phone number').fill('+15005550001');
    await vault.patch(
      tenant,
      'twilio',
      { phoneNumber: '+15005550002', region: 'ie1' },
      { actor: 'carol 🙂' },
    );
    await press(card, 'Save');
    const alert = card.getByRole('alert');
    await alert.getByText('Twilio was changed by carol 🙂. (now)').waitFor();
    await alert.getByText(`Phone number: ${number} → +15005550002`).waitFor();
    await alert.getByText('Region: nothing → ie1').waitFor();
    await press(alert, 'Review');
    await alert.waitFor({ state: 'hidden' });
    expect(await focused(page)).toBe('phoneNumber');
    expect(await field(card, 'Phone number').inputValue()).toBe('+15005550001');
    await card.getByText('Now stored: +15005550002').waitFor();
    expect((await stored())?.phoneNumber).toBe('+15005550002');
    await press(card, 'Save');
    await expect.poll(stored).toMatchObject({ phoneNumber: '+15005550001', region: 'ie1' });
  });

  it('keeps mine where that is wanted', async () => {
    const { page, card, tenant, stored } = await visit({ twilio: byToken });
    await field(card, 'Phone number').fill('+15005550001');
    await vault.patch(
      tenant,
      'twilio',
      { phoneNumber: '+15005550002', region: 'ie1' },
      { actor: 'carol' },
    );
    await press(card, 'Save');
    await press(card, 'Keep mine');
    await expect.poll(stored).toMatchObject({ phoneNumber: '+15005550001', region: 'ie1' });
    expect(await focused(page)).toMatch(/^Sav/);
  });

  it('drops mine for theirs by Discard', async () => {
    const { card, tenant } = await visit({ twilio: byToken });
    await field(card, 'Phone number').fill('+15005550001');
    await vault.patch(tenant, 'twilio', { phoneNumber: '+15005550002' }, { actor: 'carol' });
    await press(card, 'Save');
    await card.getByRole('button', { name: 'Keep mine' }).waitFor();
    await press(card, 'Discard');
    expect(await field(card, 'Phone number').inputValue()).toBe('+15005550002');
    expect(await card.getByRole('alert').isVisible()).toBe(false);
  });

  it('never loses the focus in a conflict', async () => {
    const { page, card, tenant } = await visit({ twilio: byToken });
    await field(card, 'Phone number').fill('+15005550001');
    await vault.patch(tenant, 'twilio', { phoneNumber: '+15005550001' }, { actor: 'carol' });
    await press(card, 'Save');
    await press(card, 'Keep mine'); // which is theirs: there is nothing to save
    await card.getByRole('alert').waitFor({ state: 'hidden' });
    expect(await focused(page)).toMatch(/^(Save|Twilio)/);
    await field(card, 'Phone number').fill('+15005550003');
    await vault.put(
      tenant,
      'twilio',
      { ...byKey, phoneNumber: '+15005550001' },
      { actor: 'carol' },
    );
    await press(card, 'Save');
    await press(card, 'Review'); // the changed fields belong to the other way to connect
    await card.getByRole('alert').waitFor({ state: 'hidden' });
    expect(await focused(page)).not.toBe('BODY');
    expect(await field(card, 'Phone number').inputValue()).toBe('+15005550003');
  });

  it('asks again before it removes what somebody has changed meanwhile', async () => {
    const { page, card, tenant, stored } = await visit({ twilio: byToken });
    await vault.patch(tenant, 'twilio', { region: 'ie1' }, { actor: 'carol' });
    await press(card, 'Remove Twilio…');
    await press(page.getByRole('dialog'), 'Remove Twilio');
    await card.getByRole('alert').getByText('Twilio was changed by carol. (now)').waitFor();
    expect(await card.getByRole('button', { name: 'Keep mine' }).count()).toBe(0);
    expect(await stored()).toMatchObject({ region: 'ie1' });
    await press(card, 'Review');
    expect(await focused(page)).toBe('region');
  });

  it('asks for a new login, and keeps what is typed', async () => {
    const { page, card } = await visit({ twilio: byToken });
    await page.evaluate("addEventListener('login-required', () => { document.title = 'log in' })");
    await field(card, 'Phone number').fill(number);
    await page.context().clearCookies();
    await press(card, 'Save');
    await card.getByRole('alert').getByText('Log in again to see the settings.').waitFor();
    expect(await page.title()).toBe('log in');
    expect(await field(card, 'Phone number').inputValue()).toBe(number);
  });
});

describe('a test of the connection', () => {
  it('tries what is typed, and says when it worked', async () => {
    const { page, card, tenant } = await visit();
    await page.clock.install();
    await page.reload();
    await open(page, 'twilio');
    const test = card.getByRole('button', { name: 'Test connection' });
    expect(await test.isDisabled()).toBe(true);
    await field(card, 'Account SID').fill(byKey.accountSid);
    await field(card, 'API key SID').fill(byKey.apiKey);
    await field(card, 'API key secret').fill(apiSecret(5));
    await test.click();
    const result = card.locator('.result');
    await result.getByText('Twilio refuses these credentials.').waitFor();
    expect(await result.getAttribute('class')).toContain('bad');
    await field(card, 'API key secret').fill(byKey.apiSecret);
    expect(await result.isVisible()).toBe(false);
    await test.click();
    await result.getByText('Verified now').waitFor();
    expect(await vault.get(tenant, 'twilio')).toBeUndefined();
    await page.clock.fastForward(125_000);
    await page.clock.runFor(31_000);
    await result.getByText('Verified 2 minutes ago').waitFor();
  });

  it('says nothing of what was typed while it ran', async () => {
    const { page, card } = await visit();
    await card.getByLabel('Auth token', { exact: true }).first().check();
    await card.locator('input.value[name=accountSid]').fill(byToken.accountSid);
    const token = card.locator('input.value[name=authToken]');
    await token.fill(byToken.authToken);
    for (const [tested, typed] of [
      [byToken.authToken, authToken(7)],
      [authToken(7), byToken.authToken],
    ] as const) {
      await token.fill(tested);
      const release = await hold(page, '**/twilio/test');
      await press(card, 'Test connection');
      await token.fill(typed);
      release();
      await card.getByRole('button', { name: 'Test connection' }).waitFor();
      expect(await card.locator('.result').textContent()).toBe('');
      await page.unroute('**/twilio/test');
    }
  });

  it('says nothing of what somebody else has stored since', async () => {
    const { page, card, tenant } = await visit({ twilio: byToken });
    await press(card, 'Test connection');
    await card.getByText(/^Verified/).waitFor();
    await vault.put(tenant, 'twilio', { ...byToken, authToken: authToken(7) }, { actor: 'bob' });
    await page.evaluate("document.querySelector('provider-settings').refresh()");
    await expect.poll(() => card.locator('.meta').textContent()).toContain('by bob');
    expect(await card.locator('.result').textContent()).toBe('');
  });

  it('is remembered, and says so when the provider refuses what is stored', async () => {
    const { page, card, tenant } = await visit({ twilio: byKey });
    await press(card, 'Test connection');
    await card.getByText('Verified now').waitFor();
    await page.reload();
    await open(page, 'twilio');
    await card.getByText(/^Verified /).waitFor();
    await vault.put(tenant, 'twilio', { ...byKey, apiSecret: apiSecret(5) });
    await page.reload();
    await open(page, 'twilio');
    await press(card, 'Test connection');
    await expect.poll(() => state(card).textContent()).toBe('Does not work');
    await card.locator('.result.bad').waitFor();
    expect(await card.locator('.notice:visible').count()).toBe(0); // it is said once
    await page.reload();
    await open(page, 'twilio');
    const refused = 'The provider refuses these credentials. Enter new ones.';
    await card.locator('.notice').getByText(refused).waitFor();
  });

  it('says what the limit of tests says', async () => {
    const { card } = await visit({ twilio: byToken });
    for (let n = 0; n < 10; n++) {
      await press(card, 'Test connection');
      await card.getByText('Verified').waitFor();
      await card.getByRole('button', { name: 'Test connection', exact: true }).waitFor();
    }
    await press(card, 'Test connection');
    await card.getByRole('alert').getByText('Too many tests at once. Wait a minute.').waitFor();
    expect(twilio.requests.length).toBeGreaterThanOrEqual(10);
  });
});

describe('the rest', () => {
  it('says where a value is found, and copies the addresses of webhooks', async () => {
    const { page, card } = await visit();
    await card.getByText('Where do I find this? (Account SID)').click();
    await card.getByText('Twilio Console, Account Dashboard').first().waitFor();
    await press(card, 'Copy: Voice');
    await card.getByText('Copied').waitFor();
    const copied = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(copied).toMatch(/^https:\/\/crm\.example\/voice\/tenant\d+$/);
    const help = card.getByRole('button', { name: 'Where do I find this? (Account SID)' });
    expect(await help.getAttribute('aria-expanded')).toBe('true');
    await page.evaluate(
      'navigator.clipboard.writeText = () => Promise.reject(new Error("not allowed"))',
    );
    await press(card, 'Copy: Voice');
    const selected =
      "document.querySelector('provider-settings').shadowRoot.getSelection().toString()";
    await expect.poll(() => page.evaluate<string>(selected)).toBe(copied);
  });

  it('names what stops working before it removes a provider', async () => {
    const { page, card, stored } = await visit({ twilio: { ...byToken, phoneNumber: number } });
    await press(card, 'Remove Twilio…');
    const dialog = page.getByRole('dialog', { name: 'Remove Twilio?' });
    await dialog.getByText('These stop working: text messages.').waitFor();
    expect(await focused(page)).toBe('Keep it');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await focused(page)).toBe('Remove Twilio…');
    expect(await stored()).toBeDefined();
    await press(card, 'Remove Twilio…');
    await press(dialog, 'Remove Twilio and stop text messages');
    await card.getByText('Not connected').waitFor();
    expect(await stored()).toBeUndefined();
    expect(await focused(page)).toContain('Twilio');
    expect(await card.getByLabel('Phone number', { exact: true }).inputValue()).toBe('');
  });

  it('is loading, then failed, then there after a retry', async () => {
    const page = await site.visit('', { path: '/nothing' });
    await page.getByText('The settings could not be loaded.').waitFor();
    await page.getByText('Log in again to see the settings.').waitFor();
    await logIn(page.context(), 'acme/ada', page.url());
    const release = await hold(page, '**/provider-settings/');
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.getByText('Loading settings…').waitFor();
    expect(await focused(page)).not.toBe('BODY');
    release();
    await page.getByRole('heading', { name: 'Twilio Not connected' }).waitFor();
    await page.getByRole('heading', { name: 'Recent activity' }).waitFor();
    await page.getByText('Twilio: used once today').waitFor();
  });

  it('says so where there is nothing to connect', async () => {
    const page = await site.visit('acme/ada');
    await page.route('**/provider-settings/', (route) =>
      route.fulfill({ json: { version: 1, providers: [], activity: [], may: {} } }),
    );
    await page.reload();
    await page.getByText('There is nothing to connect yet.').waitFor();
  });

  it('shows who may only read no buttons that change anything', async () => {
    const page = await site.visit('acme/ada/read');
    const card = await open(page, 'twilio');
    expect(await card.getByRole('button', { name: /Save|Discard|Test|Remove/ }).count()).toBe(0);
    expect(await field(card, 'Account SID').getAttribute('readonly')).not.toBeNull();
  });

  it('says what the operator has set, and what cannot be read', async () => {
    await site.store.put({ tenantId: 'odd', provider: 'twilio', data: 'AAAA'.repeat(20) }, null);
    const page = await site.visit('odd/ada');
    const card = await open(page, 'twilio');
    expect(await state(card).textContent()).toBe('Cannot be read');
    await card.getByText('Remove it and enter it again').waitFor();
    expect(await field(card, 'Account SID').isVisible()).toBe(false);
    expect(await card.getByRole('button', { name: 'Save' }).isVisible()).toBe(false);
    site.env.SENDGRID_API_KEY = `SG.${'a'.repeat(22)}.b`;
    site.env.TWILIO_ACCOUNT_SID = accountSid(2);
    try {
      await page.reload();
      const sendgrid = await open(page, 'sendgrid');
      expect(await state(sendgrid).textContent()).toBe('Set by your operator');
      expect(await sendgrid.getByRole('button', { name: 'Test connection' }).isDisabled()).toBe(
        false,
      );
      const twilioCard = await open(page, 'twilio');
      await twilioCard.getByText('Your operator has set only a part').waitFor();
    } finally {
      delete site.env.SENDGRID_API_KEY;
      delete site.env.TWILIO_ACCOUNT_SID;
    }
    await page.reload();
    await open(page, 'twilio');
    await press(card, 'Remove Twilio…');
    await press(page.getByRole('dialog'), 'Remove Twilio');
    await card.getByText('Not connected').waitFor();
    await field(card, 'Account SID').waitFor();
  });

  it('keeps what is typed when a framework sets equal words again', async () => {
    const { page, card } = await visit();
    await field(card, 'Phone number').fill(number);
    const set = (words: object) =>
      page.evaluate(
        `document.querySelector('provider-settings').strings = ${JSON.stringify(words)}`,
      );
    await set({ save: 'Save' });
    expect(await field(card, 'Phone number').inputValue()).toBe(number);
    await set({ save: 'Speichern' });
    await open(page, 'twilio');
    await card.getByRole('button', { name: 'Speichern' }).waitFor();
  });

  const style = (target: Locator, name: string) =>
    target.evaluate(
      (element, property) =>
        (globalThis as unknown as Styled).getComputedStyle(element).getPropertyValue(property),
      name,
    );

  it('is as light or dark as the browser, unless its host chooses', async () => {
    const [light, dark] = ['rgb(255, 255, 255)', 'rgb(22, 24, 31)'];
    for (const [colorScheme, path, expected] of [
      ['light', '/', light],
      ['dark', '/', dark],
      ['dark', '/?theme=light', light],
      ['light', '/?theme=dark', dark],
    ] as const) {
      const { card } = await visit({}, { colorScheme, path });
      expect(await style(card, 'background-color'), `${colorScheme} ${path}`).toBe(expected);
    }
  });

  it('is themed by variables and parts', async () => {
    const { page, card } = await visit({}, { path: '/?own' });
    await field(card, 'Phone number').fill(number);
    const save = card.getByRole('button', { name: 'Save' });
    await page.mouse.move(0, 0);
    await expect.poll(() => style(save, 'background-color')).toBe('rgb(11, 95, 255)');
    expect(await style(card, 'border-radius')).toBe('3px');
    expect(await style(card, 'border-top-style')).toBe('dashed');
    expect(await style(card, 'font-family')).toContain('Georgia');
  });

  it('takes the words and the headers of its host, also from before it was defined', async () => {
    const page = await site.visit('acme/ada', { path: '/?german' });
    const card = await open(page, 'twilio');
    await card.getByRole('button', { name: 'Speichern' }).waitFor();
    await field(card, 'Phone number').fill(number);
    const sent = page.waitForRequest((request) => request.method() === 'PATCH');
    await press(card, 'Speichern');
    expect((await sent).headers()['x-csrf-token']).toBe('of the host');
  });
});

it('is at most 20 kB, compressed', async () => {
  expect(gzipSync(await buildElement(), { level: 9 }).length).toBeLessThanOrEqual(20_000);
});

it('has broken no policy, and no browser was sent a secret', () => {
  expect(site.complaints).toEqual([]);
  expect(site.answers.length).toBeGreaterThan(50);
  for (const secret of [authToken(1), authToken(2), apiSecret(1), 'p'.repeat(20), 'q'.repeat(20)]) {
    expect(site.answers.some((text) => text.includes(secret))).toBe(false);
  }
});
