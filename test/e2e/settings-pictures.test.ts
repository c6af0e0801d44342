import { mkdir, mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { sendgridProvider, smtpProvider, twilioProvider } from 'provider-vault';
import { expect, it } from 'vitest';
import { field, open, press, startElementSite } from './settings-site.ts';

// npm run docs:pictures
const images = process.env.UPDATE_SCREENSHOTS
  ? fileURLToPath(new URL('../../docs/images', import.meta.url))
  : await mkdtemp(join(tmpdir(), 'provider-vault-pictures-'));
const MAX_BYTES = 80_000;

const site = await startElementSite({
  providers: [twilioProvider, sendgridProvider, smtpProvider],
});
// What the pictures show is no credential of anybody, not even of the stand-ins.
const credentials = {
  accountSid: `AC${'0123456789abcdef'.repeat(2)}`,
  apiKey: `SK${'fedcba9876543210'.repeat(2)}`,
  apiSecret: 'e'.repeat(28).concat('4f2a'),
  phoneNumber: '+15005550006',
};

it.each([
  ['light', 880],
  ['dark', 880],
  ['light', 390],
  ['dark', 390],
] as const)('pictures in the %s theme, %i pixels wide', async (theme, width) => {
  const tenant = `${theme}${width}`;
  await site.vault.put(tenant, 'twilio', credentials, { actor: 'ada' });
  const isPhone = width < 500;
  const page = await site.visit(`${tenant}/ada`, {
    path: `/?theme=${theme}`,
    colorScheme: theme,
    viewport: { width, height: isPhone ? 844 : 825 },
    hasTouch: isPhone,
  });
  const suffix = `${isPhone ? 'phone-' : ''}${theme}`;
  const card = await open(page, 'twilio');
  await take(page, `provider-settings-${suffix}`);
  if (isPhone) return;
  await field(card, 'Phone number').fill('+15005550001');
  await site.vault.patch(tenant, 'twilio', { phoneNumber: '+15005550002' }, { actor: 'carol' });
  await press(card, 'Save');
  await card.getByRole('button', { name: 'Keep mine' }).waitFor();
  await take(page, `provider-settings-conflict-${suffix}`);
});

async function take(page: Page, name: string): Promise<void> {
  await mkdir(images, { recursive: true });
  const path = join(images, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled', caret: 'hide' });
  const { size } = await stat(path);
  expect(size).toBeGreaterThan(5_000);
  expect(size).toBeLessThanOrEqual(MAX_BYTES);
}
