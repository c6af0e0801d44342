import { mkdir, mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { openCard, startSite } from './visit.ts';

// UPDATE_SCREENSHOTS=1 npm run test:e2e -- screenshots
const images = process.env.UPDATE_SCREENSHOTS
  ? fileURLToPath(new URL('../../docs/images', import.meta.url))
  : await mkdtemp(join(tmpdir(), 'provider-vault-screenshots-'));
const MAX_BYTES = 200_000;

const site = await startSite();
const { initech } = site.crm.tenants;
const wide = { width: 1120, height: 1130 };

// What the images show is no credential of anybody, not even of the stand-ins.
await site.crm.vault.put(
  'initech',
  'twilio',
  {
    accountSid: `AC${'0123456789abcdef'.repeat(2)}`,
    authToken: 'e'.repeat(28).concat('4f2a'),
    phoneNumber: '+15005550013',
  },
  { actor: initech.email },
);
await site.crm.vault.put(
  'initech',
  'sendgrid',
  { senderEmail: initech.senderEmail },
  { actor: initech.email },
);

it.each([
  ['settings-light', { colorScheme: 'light', viewport: wide }],
  ['settings-dark', { colorScheme: 'dark', viewport: wide }],
  ['settings-phone', { colorScheme: 'light', viewport: { width: 390, height: 844 } }],
] as const)('%s', async (name, options) => {
  const page = await site.visitAs(initech, options);
  await page.locator('[data-provider=sendgrid] h2 button').click(); // closes what was incomplete
  await openCard(page, 'twilio');
  await page.locator('[data-provider=twilio] h2 button').blur();
  await take(page, name);
});

it('leads-light', async () => {
  const page = await site.visitAs(initech, { viewport: { width: 1120, height: 700 } });
  await page.getByRole('link', { name: 'Leads' }).click();
  await page.getByRole('button', { name: 'Text Grace Hopper' }).click();
  await page.getByLabel('Message').fill('Hello Grace, do you have a minute?');
  await take(page, 'leads-light');
});

async function take(page: Page, name: string): Promise<void> {
  await mkdir(images, { recursive: true });
  const path = join(images, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' });
  const { size } = await stat(path);
  expect(size).toBeGreaterThan(5_000);
  expect(size).toBeLessThan(MAX_BYTES);
}
