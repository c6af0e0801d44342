import { credentialFingerprint } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { Users } from '../../examples/crm/data/users.ts';
import { expectNothingLeaked, openCard, password, save, startSite } from './visit.ts';

// The element by itself is tested in settings-element.test.ts; here, what the CRM makes of it.
const site = await startSite();
const { crm } = site;
const { initech, globex } = crm.tenants;
const { accountSid, authToken } = initech.twilio;
const page = await site.visitAs(initech);

describe('a tenant sets up its providers', () => {
  it('enters Twilio credentials and sees what they are ready for', async () => {
    const fields = {
      'Account SID': accountSid,
      'Auth token': authToken,
      'Phone number': initech.phoneNumber,
    };
    const card = await save(page, 'twilio', fields, 'Auth token');
    await card.getByText('Ready for: text messages').waitFor();
    const mask = `••••••••${authToken.slice(-4)}`;
    await card.getByText(`Stored: ${mask}. Type to replace it.`).waitFor();
    expect(await page.content()).not.toContain(authToken);
    expect(await card.locator('code').first().textContent()).toBe(`${crm.url}/webhooks/twilio/sms`);
  });

  it('enters SendGrid credentials, and both connections work', async () => {
    await save(page, 'sendgrid', { 'API key': initech.sendgridKey, Sender: initech.senderEmail });
    await page.locator('[data-provider=sendgrid]').getByText('Ready for').waitFor();
    for (const provider of ['twilio', 'sendgrid']) {
      const tested = await openCard(page, provider);
      await tested.getByRole('button', { name: 'Test connection' }).click();
      await tested.getByText(/^Verified/).waitFor();
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
    await page.getByRole('button', { name: 'Send: Later' }).click();
    await page.getByText('E-mail to grace@navy.example sent.').waitFor();
    expect(crm.sendgrid.mails.at(-1)).toMatchObject({
      subject: 'Later',
      from: initech.senderEmail,
      to: ['grace@navy.example'],
      credential: credentialFingerprint(initech.sendgridKey),
    });
    await page.getByText('Drafts').waitFor({ state: 'detached' }); // once the list has been read again
  });

  it('does not both keep and send an e-mail, and decides about one without an answer', async () => {
    await page.getByRole('button', { name: 'E-mail Grace Hopper' }).click();
    await page.getByLabel('Subject').fill('Both');
    await page.getByLabel('Text', { exact: true }).fill('How are you?');
    const sent = crm.sendgrid.mails.length;
    // one after the other, before the first is answered
    await page.evaluate(
      "for (const text of ['Save draft', 'Send']) [...document.querySelectorAll('dialog button')].find((one) => one.textContent === text).click()",
    );
    await page.getByText('Draft saved.').waitFor();
    await page.getByRole('button', { name: 'Send: Both' }).waitFor();
    expect(crm.sendgrid.mails).toHaveLength(sent);

    crm.sendgrid.failNext({ drop: true });
    await page.getByRole('button', { name: 'Send: Both' }).click();
    await page.getByText('It is not known whether this was sent.').waitFor();
    const problem = page.locator('.toast.bad').filter({ hasText: 'sendgrid did not answer' });
    await problem.getByRole('button', { name: 'Dismiss' }).click(); // it waits for it
    await page.getByRole('button', { name: 'Delete: Both' }).click();
    await page.getByText('Drafts').waitFor({ state: 'detached' });
  });
});

describe('a tenant changes its credentials', () => {
  it('is told why a wrong token does not work', async () => {
    await page.getByRole('link', { name: 'Settings' }).click();
    const card = await save(page, 'twilio', { 'Auth token': 'f0'.repeat(16) });
    await card.getByText('Saved now').waitFor();
    await card.getByRole('button', { name: 'Test connection' }).click();
    await card.getByText('Twilio refuses these credentials.').waitFor();
    // the health line, also for whoever comes later
    const other = await site.visitAs(initech);
    const shown = await openCard(other, 'twilio');
    await shown.getByText('The provider refuses these credentials.').first().waitFor();
    await other.context().close();
    await save(page, 'twilio', { 'Auth token': authToken });
    await expect.poll(() => card.getByText('Twilio refuses').count()).toBe(0);
  });

  it('is asked before it leaves what it has typed', async () => {
    const card = await openCard(page, 'twilio');
    await card.getByRole('textbox', { name: 'Phone number' }).fill('+14155550123');
    const questions: string[] = [];
    page.once('dialog', (dialog) => {
      questions.push(dialog.message());
      void dialog.dismiss();
    });
    await page.getByRole('link', { name: 'Leads' }).click();
    await expect.poll(() => questions).toEqual(['What you typed is not saved. Leave the page?']);
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    expect(await card.getByRole('textbox', { name: 'Phone number' }).inputValue()).toBe(
      '+14155550123',
    );
    await card.getByRole('button', { name: 'Discard' }).click();
  });

  it('is asked for its company too, until that is saved', async () => {
    const company = page.getByLabel('Company');
    const before = await company.inputValue();
    await company.fill('Not saved yet');
    const asked = page.waitForEvent('dialog');
    await Promise.all([
      asked.then((dialog) => dialog.dismiss()),
      page.getByRole('link', { name: 'Leads' }).click(),
    ]);
    expect(await company.inputValue()).toBe('Not saved yet');
    await company.fill(before);
    const form = page.locator('form', { has: company });
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Saved.').waitFor();
    await page.getByRole('link', { name: 'Leads' }).click();
    await page.getByRole('heading', { name: 'Leads' }).waitFor();
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
  });

  it('is told when logging out fails', async () => {
    await page.context().setOffline(true);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByText('The server cannot be reached.').waitFor();
    await page.context().setOffline(false);
    await page.getByRole('button', { name: 'Dismiss' }).click();
  });

  it('removes everything of a provider, after a question', async () => {
    const card = await openCard(page, 'sendgrid');
    await card.getByRole('button', { name: 'Remove SendGrid…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove SendGrid' }).click();
    await card.getByText('Not connected').waitFor();
    expect(await crm.vault.get('initech', 'sendgrid')).toBeUndefined();
  });

  it('sees who did what', async () => {
    await page.getByText(`Twilio: Auth token changed by ${initech.email}`).first().waitFor();
  });

  it('saves what is not a credential', async () => {
    await page.getByLabel('Company').fill('Initech');
    await page.getByRole('region', { name: 'General' }).getByRole('button').click();
    await page.getByText('Saved.', { exact: true }).last().waitFor();
    await page.reload();
    await expect.poll(() => page.getByLabel('Company').inputValue()).toBe('Initech');
  });
});

it('shows a member what there is, and no button to change it', async () => {
  const email = 'mia@initech.example';
  await new Users(crm.db).add(email, password, {
    name: 'Mia',
    tenantId: 'initech',
    role: 'member',
  });
  const mia = await site.visitAs({ email });
  const card = await openCard(mia, 'twilio');
  await card.getByRole('button', { name: 'Test connection' }).waitFor();
  expect(await card.getByRole('button', { name: /Save|Remove/ }).count()).toBe(0);
  await mia.context().close();
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
