import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { accountSid, apiKeySid, apiSecret, authToken } from '../support/fixtures.ts';
import { buildElement, mailRelay, startElementSite } from './settings-site.ts';

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
    await vault.put(tenant, provider === 'relay' ? mailRelay : provider, fields, { actor: 'bob' });
  }
  await last?.close({ runBeforeUnload: false });
  const page = await site.visit(`${tenant}/ada`, options);
  last = page;
  await page.locator('[data-provider=twilio]').waitFor();
  const card = await open(page, 'twilio');
  return { page, card, tenant, stored: async () => (await vault.get(tenant, 'twilio'))?.reveal() };
}

async function open(page: Page, provider: string): Promise<Locator> {
  const card = page.locator(`[data-provider=${provider}]`);
  const head = card.locator('button.head');
  if ((await head.getAttribute('aria-expanded')) === 'false') await head.click();
  return card;
}

const field = (card: Locator, label: string) => card.getByLabel(label, { exact: true });
const press = (card: Locator, name: string) =>
  card.getByRole('button', { name, exact: true }).click();
const state = (card: Locator) => card.locator('.badge');
/** The name of the field or the text of the button that has the focus, inside the element. */
const focused = (page: Page) =>
  page.evaluate<string>(
    '(() => { const e = document.activeElement?.shadowRoot?.activeElement; return e ? e.name || e.textContent : document.activeElement.tagName })()',
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
    await card
      .getByText(`Stored: ••••••••${byToken.authToken.slice(-4)}.`, { exact: false })
      .waitFor();
    await page.getByText('Saved now by ada').waitFor();
  });

  it('removes the fields of the other way, and says so before', async () => {
    const { card, stored } = await visit({ twilio: byKey });
    await card.getByLabel('Auth token', { exact: true }).first().check();
    await card.getByText('Saving also removes: API key SID and API key secret.').waitFor();
    await card.locator('input.value[name=authToken]').fill(byToken.authToken);
    await press(card, 'Save');
    await card.getByText('Connected').waitFor();
    expect(await stored()).toEqual(byToken);
  });

  it('names what is missing', async () => {
    const { card } = await visit({ twilio: { accountSid: accountSid(1) } });
    expect(await state(card).textContent()).toBe('Still missing: Auth token');
  });

  it('wants the secrets again when their destination changes', async () => {
    const { page } = await visit({ relay: { host: 'a.example', password: 'p'.repeat(20) } });
    const card = await open(page, 'relay');
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

  it('keeps what is typed while it saves', async () => {
    const { page, card, stored } = await visit({ twilio: byToken });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/provider-settings/twilio', async (route) => {
      await held;
      await route.continue();
    });
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
    await more.getByText('Is removed when you save.').waitFor();
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
  getComputedStyle(element: unknown): { readonly color: string };
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
    expect(colour).toBe('rgb(168, 29, 27)');
    await page.waitForTimeout(500);
    expect(await alert.isVisible()).toBe(true);
    expect(await field(card, 'Phone number').inputValue()).toBe(number);
    await page.unroute('**/provider-settings/twilio');
    await press(card, 'Save');
    await alert.waitFor({ state: 'hidden' });
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
    await press(dialog, 'Remove Twilio');
    await card.getByText('Not connected').waitFor();
    expect(await stored()).toBeUndefined();
    expect(await focused(page)).toContain('Twilio');
    expect(await card.getByLabel('Phone number', { exact: true }).inputValue()).toBe('');
  });

  it('is loading, then failed, then there after a retry', async () => {
    const page = await site.visit('', { path: '/nothing' });
    await page.getByText('The settings could not be loaded.').waitFor();
    await page.getByText('Log in again to see the settings.').waitFor();
    const url = new URL(page.url());
    await page.context().addCookies([{ name: 'user', value: 'acme%2Fada', url: url.origin }]);
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route('**/provider-settings/', async (route) => {
      await held;
      await route.continue();
    });
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

const axe = await readFile(
  new URL('../../node_modules/axe-core/axe.min.js', import.meta.url),
  'utf8',
);

describe.each([
  ['light', 1200],
  ['light', 320], // 1280 pixels at 400 %
  ['dark', 1200],
  ['dark', 320],
] as const)('in the %s theme, %i pixels wide', (theme, width) => {
  it('axe finds nothing, and nothing is cut off', async () => {
    const relay = { host: 'a.example', password: 'p'.repeat(20) };
    const { page, card, tenant } = await visit(
      { twilio: { ...byKey, phoneNumber: number }, relay },
      { path: `/?theme=${theme}`, viewport: { width, height: 800 }, colorScheme: theme },
    );
    for (const provider of ['sendgrid', 'relay']) await open(page, provider);
    await card.getByLabel('Auth token', { exact: true }).first().check();
    await card.getByText('More settings').click();
    await field(card, 'Region').fill('nowhere');
    await field(card, 'Edge').focus();
    await card.getByText('Where do I find this? (Region)').click();
    const region = field(card, 'Region');
    expect(await region.getAttribute('aria-invalid')).toBe('true');
    await check(page);
    await region.fill('ie1');
    await vault.patch(tenant, 'twilio', { region: 'au1' }, { actor: 'carol' });
    await press(card, 'Save');
    await card.getByRole('button', { name: 'Keep mine' }).waitFor();
    await check(page);
    await press(card, 'Review');
    await press(card, 'Remove Twilio…');
    await page.getByRole('dialog').waitFor();
    await check(page);
  });
});

async function check(page: Page): Promise<void> {
  await page.evaluate(axe);
  const violations = await page.evaluate<string[]>(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary].join(' '))))",
  );
  expect(violations).toEqual([]);
  const tooWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth');
  expect(tooWide).toBe(false);
}

it('follows the font size of the browser', async () => {
  const { page, card } = await visit({}, { viewport: { width: 360, height: 740 } });
  const size = async () => (await field(card, 'Account SID').boundingBox())?.height ?? 0;
  const before = await size();
  await page.evaluate("document.documentElement.style.fontSize = '200%'");
  expect(await size()).toBeGreaterThan(before * 1.8);
  expect(await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')).toBe(
    false,
  );
});

// UPDATE_SCREENSHOTS=1 npm run test:e2e -- settings-element
const images = process.env.UPDATE_SCREENSHOTS
  ? fileURLToPath(new URL('../../docs/images', import.meta.url))
  : await mkdtemp(join(tmpdir(), 'provider-vault-screenshots-'));

it.each(['light', 'dark'] as const)('has its picture taken, %s', async (theme) => {
  const twilioFields = {
    accountSid: `AC${'0123456789abcdef'.repeat(2)}`,
    authToken: 'e'.repeat(28).concat('4f2a'),
    phoneNumber: number,
  };
  const options = {
    path: `/?theme=${theme}`,
    colorScheme: theme,
    viewport: { width: 820, height: 980 },
  };
  const { page } = await visit({ twilio: twilioFields }, options);
  const path = join(images, `provider-settings-${theme}.png`);
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' });
  const { size } = await stat(path);
  expect(size).toBeGreaterThan(5_000);
  expect(size).toBeLessThan(200_000);
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
