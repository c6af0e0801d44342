import { pino } from 'pino';
import { afterAll } from 'vitest';
import { CrmClient } from '../../examples/demo/crm-client.ts';
import { type DemoOptions, startDemoCrm } from '../../examples/demo/demo-crm.ts';
import type { DemoTenant } from '../../examples/demo/tenants.ts';
import { testDatabase } from '../support/database.ts';

export const password = 'of-the-tests';

/** The example CRM over an old database, and what it logs. */
export async function crmSite(options: Pick<DemoOptions, 'mailboxes' | 'upkeep'> = {}) {
  const { db } = await testDatabase();
  const logLines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line) => void logLines.push(line) });
  const crm = await startDemoCrm({ db, log, password, ...options });
  afterAll(() => crm.close());
  const { acme } = crm.tenants;
  const logIn = ({ email }: Pick<DemoTenant, 'email'>) =>
    new CrmClient(crm.url).logIn(email, password);
  /** Acme with all of its credentials. */
  const ada = await logIn(acme);
  await crm.vault.put('acme', 'twilio', {
    ...acme.twilio,
    phoneNumber: acme.phoneNumber,
    whatsappNumber: acme.phoneNumber,
    agentPhoneNumber: '+14155550199',
  });
  await crm.vault.put('acme', 'sendgrid', {
    apiKey: acme.sendgridKey,
    senderEmail: acme.senderEmail,
  });
  return { crm, db, logIn, ada, logLines };
}
