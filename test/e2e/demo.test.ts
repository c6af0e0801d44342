import { expect, it } from 'vitest';
import { openCard, problemsOf, save, startSite } from './visit.ts';

const site = await startSite();
const { initech } = site.crm.tenants;
const page = await site.visitAs(initech);
const demo = page.getByRole('complementary', { name: 'Demo' });
const { accountSid, authToken } = initech.twilio;
await save(page, 'twilio', { 'Account SID': accountSid, 'Auth token': authToken }, 'Auth token');
await save(page, 'sendgrid', { 'API key': initech.sendgridKey });

it.each([
  ['twilio', 'Twilio', 'wrong key', 'Twilio refuses these credentials.'],
  ['twilio', 'Twilio', 'suspended', 'The account at Twilio is suspended.'],
  ['twilio', 'Twilio', 'down', 'Twilio cannot be reached.'],
  ['twilio', 'Twilio', 'too many requests', 'Twilio has had too many requests.'],
  ['twilio', 'Twilio', 'slow', /^Verified/],
  ['twilio', 'Twilio', 'works', /^Verified/],
  ['sendgrid', 'SendGrid', 'wrong key', 'SendGrid refuses these credentials.'],
  ['sendgrid', 'SendGrid', 'suspended', 'SendGrid knows these credentials'],
  ['sendgrid', 'SendGrid', 'down', 'SendGrid cannot be reached.'],
  ['sendgrid', 'SendGrid', 'works', /^Verified/],
] as const)('%s: a switch in the page lets %s be "%s"', async (provider, name, choice, said) => {
  await demo.getByLabel(name).selectOption(choice);
  await page.getByText(`${name}: ${choice}.`).last().waitFor();
  const card = await openCard(page, provider);
  const test = card.getByRole('button', { name: 'Test connection' });
  await test.click();
  if (choice === 'slow') {
    await card.getByRole('button', { name: 'Testing…' }).waitFor();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(await card.getByRole('button', { name: 'Testing…' }).count()).toBe(1);
  }
  await test.waitFor();
  await card.locator('.result').getByText(said).waitFor();
});

it('takes nothing else, and nothing from another site', async () => {
  const post = (body: string, type = 'application/json') =>
    fetch(`${site.crm.url}/demo/failures`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
  const twilioIs = (failure: unknown) => JSON.stringify({ provider: 'twilio', failure });
  for (const body of [twilioIs('__proto__'), twilioIs(1), '{"provider":"smtp"}', '[]']) {
    expect((await post(body)).status).toBe(400);
  }
  expect((await post(twilioIs('down'), 'text/plain')).status).toBe(400);
});

it.each(['light', 'dark'] as const)('axe finds nothing, %s', async (colorScheme) => {
  await page.emulateMedia({ colorScheme });
  for (const width of [1200, 320]) {
    await page.setViewportSize({ width, height: 800 });
    expect(await problemsOf(page)).toEqual([]);
  }
});

it('no page complained', () => expect(site.complaints).toEqual([]));
