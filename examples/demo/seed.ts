import type { Db } from 'mongodb';
import { Leads } from '../crm/data/leads.ts';
import { SettingsDocuments } from '../crm/data/settings.ts';
import { Users } from '../crm/data/users.ts';
import type { DemoTenant, DemoTenants } from './tenants.ts';

const LEADS = [
  { name: 'Grace Hopper', phone: '+14155550100', email: 'grace@navy.example' },
  { name: 'Alan Turing', phone: '+14155550101', email: 'alan@bletchley.example' },
  { name: 'Katherine Johnson', phone: '+14155550102', email: 'katherine@langley.example' },
];

/** People who may log in, and leads for them. */
export async function seedPeople(db: Db, tenants: readonly DemoTenant[], password: string) {
  for (const { email, name, tenantId } of tenants) {
    await new Users(db).add(email, password, { name, tenantId, role: 'admin' });
    for (const lead of LEADS) await new Leads(db).add(tenantId, lead);
  }
}

/** What a database of the old CRM holds before anything was migrated. */
export async function seedOldDatabase(db: Db, tenants: DemoTenants, sealed: string) {
  const { northwind, globex } = tenants;
  // As pycryptodome sealed it: without metadata, bound to nobody.
  await db
    .collection('secrets')
    .insertOne({ tenantId: northwind.tenantId, provider: 'twilio', data: sealed });
  await new SettingsDocuments(db).update(northwind.tenantId, { company_name: 'Northwind' });

  await db.collection('settings').insertOne({
    user_id: globex.tenantId,
    company_name: 'Globex',
    twilio_account_sid: globex.twilio.accountSid,
    twilio_auth_token: ` ${globex.twilio.authToken}\n`, // with stray white space
    twilio_phone_number: globex.phoneNumber,
    sendgrid_api_key: globex.sendgridKey,
    sender_email: globex.senderEmail,
    openai_api_key: null,
  });
}
