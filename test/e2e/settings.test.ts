import { credentialFingerprint } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { expectNothingLeaked, openCard, save, startSite } from './visit.ts';

const site = await startSite();
const { crm } = site;
const { initech, globex } = crm.tenants;
const { accountSid, authToken } = initech.twilio;
const page = await site.visitAs(initech);
const lastFour = (secret: string) => `••••••••${secret.slice(-4)}`;

describe('a tenant sets up its providers', () => {
  it('enters Twilio credentials and sees masks', async () => {
    const card = await save(page, 'twilio', {
      'Account SID': accountSid,
      'Auth token': authToken,
      'Phone number': initech.phoneNumber,
    });
    await card.getByText('Saved.').waitFor();
    expect(await card.getByText('Configured').isVisible()).toBe(true);
    expect(await card.getByLabel('Auth token', { exact: true }).inputValue()).toBe(
      lastFour(authToken),
    );
    expect(await card.getByLabel('Account SID', { exact: true }).inputValue()).toBe(accountSid);
    expect(await page.content()).not.toContain(authToken);
  });

  it('enters SendGrid credentials, and both connections work', async () => {
    const card = await save(page, 'sendgrid', {
      'API key': initech.sendgridKey,
      Sender: initech.senderEmail,
    });
    await card.getByText('Saved.').waitFor();
    for (const provider of ['twilio', 'sendgrid']) {
      const tested = await openCard(page, provider);
      await tested.getByRole('button', { name: 'Test connection' }).click();
      await tested.getByText(/accepts these credentials/).waitFor();
    }
  });

  it('sends a text message', async () => {
    await page.getByRole('link', { name: 'Leads' }).click();
    await page.getByRole('button', { name: 'Text Alan Turing' }).click();
    await page.getByLabel('Message').fill('Hello <b>Alan</b>');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('Message to Alan Turing sent.').waitFor();
    expect(crm.twilio.messages.at(-1)).toMatchObject({
      accountSid,
      from: initech.phoneNumber,
      to: '+14155550101',
      body: 'Hello <b>Alan</b>',
    });
    expect(crm.twilio.requests.at(-1)?.credential).toBe(credentialFingerprint(authToken));
  });

  it('sends an e-mail, at once and from a draft', async () => {
    for (const [subject, button] of [
      ['At once', 'Send'],
      ['Later', 'Save draft'],
    ] as const) {
      await page.getByRole('button', { name: 'E-mail Grace Hopper' }).click();
      await page.getByLabel('Subject').fill(subject);
      await page.getByLabel('Text', { exact: true }).fill('How are you?');
      await page.getByRole('button', { name: button, exact: true }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
    expect(crm.sendgrid.mails.map(({ subject }) => subject)).toEqual(['At once']);
    await page.getByRole('listitem').filter({ hasText: 'Later' }).getByRole('button').click();
    await page.getByText('E-mail to grace@navy.example sent.').waitFor();
    expect(crm.sendgrid.mails.at(-1)).toMatchObject({
      subject: 'Later',
      from: initech.senderEmail,
      to: ['grace@navy.example'],
      credential: credentialFingerprint(initech.sendgridKey),
    });
    await page.getByText('Drafts').waitFor({ state: 'detached' }); // once the list has been read again
  });
});

describe('a tenant changes its credentials', () => {
  it('changes one field, and the masked ones survive', async () => {
    await page.getByRole('link', { name: 'Settings' }).click();
    const card = await save(page, 'twilio', { "Agent's phone number": '+14155550199' });
    await card.getByText('Saved.').waitFor();
    expect((await crm.vault.require('initech', 'twilio')).reveal()).toEqual({
      accountSid,
      authToken,
      phoneNumber: initech.phoneNumber,
      agentPhoneNumber: '+14155550199',
    });
  });

  it('is told why a wrong token does not work', async () => {
    await (await save(page, 'twilio', { 'Auth token': 'f0'.repeat(16) }))
      .getByText('Saved.')
      .waitFor();
    const card = await openCard(page, 'twilio');
    await card.getByRole('button', { name: 'Test connection' }).click();
    await card.getByText(/The provider rejects the credentials\..*401 \(20003\)/).waitFor();
    await (await save(page, 'twilio', { 'Auth token': authToken })).getByText('Saved.').waitFor();
  });

  it('sees a mistake beside its field, with the focus in it', async () => {
    const card = await save(page, 'twilio', { 'Account SID': 'not an account' });
    const field = card.getByLabel('Account SID', { exact: true });
    await card.getByText('This does not have the expected form: "AC" and 32 hex digits.').waitFor();
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await page.locator(':focus').getAttribute('name')).toBe('accountSid');
    await field.fill(accountSid);
  });

  it('removes one field, then everything, after a question', async () => {
    const card = await openCard(page, 'twilio');
    await card.getByRole('button', { name: "Remove Agent's phone number" }).click();
    await card.getByRole('button', { name: 'Save' }).click();
    await card.getByText('Saved.').waitFor();
    expect(await crm.vault.getSecret('initech', 'agent_phone_number')).toBeUndefined();

    const sendgrid = await openCard(page, 'sendgrid');
    await sendgrid.getByRole('button', { name: 'Remove…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await sendgrid.getByText('Not set up').waitFor();
    expect(await crm.vault.get('initech', 'sendgrid')).toBeUndefined();
  });

  it('is told when somebody else was faster', async () => {
    const other = await site.visitAs(initech);
    const mine = await openCard(page, 'twilio');
    await (await save(other, 'twilio', { Region: 'us1' })).getByText('Saved.').waitFor();
    await mine.getByLabel('WhatsApp number', { exact: true }).fill('+14155550123');
    await mine.getByRole('button', { name: 'Save' }).click();
    await mine.getByRole('alert').getByText('Somebody else saved this in the meantime.').waitFor();
    expect((await crm.vault.require('initech', 'twilio')).reveal()).toMatchObject({
      region: 'us1',
    });
  });

  it('sees who did what', async () => {
    await page.reload();
    const activity = page.locator('.activity');
    await activity
      .getByText(/Twilio changed/)
      .first()
      .waitFor();
    expect(await activity.textContent()).toContain(initech.email);
  });
});

it('shows another tenant nothing of it', async () => {
  const other = await site.visitAs(globex);
  await openCard(other, 'twilio');
  const text = await other.content();
  expect(text).not.toContain(accountSid);
  expect(text).not.toContain(initech.email);
  await other.context().close();
});

it('has sent no secret to any browser, and logged none', () => expectNothingLeaked(site));
