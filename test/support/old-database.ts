import type { Db } from 'mongodb';
import { type SecretsVault, seal } from 'provider-vault';
import { expect } from 'vitest';
import { accountSid, apiKeySid, apiSecret, authToken, sendgridKey } from './fixtures.ts';

/** What tenant `n` of an old database must have once it is migrated, by provider. */
export function expectedOf(n: number): Record<string, Record<string, string>> {
  return {
    twilio: {
      accountSid: accountSid(n),
      authToken: `${authToken(n)}${n}`,
      apiKey: apiKeySid(n),
      apiSecret: `${apiSecret(n)}${n}`,
      phoneNumber: `+1415555${String(n).padStart(4, '0')}`,
    },
    sendgrid: { apiKey: `${sendgridKey(n)}${n}`, senderEmail: `crm@tenant-${n}.example` },
    smtp: { hostname: 'smtp.example', port: '587', password: `pass word ${n}` },
  };
}

/**
 * Fills a database as the old system leaves it: tenants `user-0` … in all the states [L1] to [L3] at
 * once. Returns their names.
 */
export async function fillOldDatabase(db: Db, count: number, key: string): Promise<string[]> {
  const settings: object[] = [];
  const secrets: object[] = [];
  for (let n = 0; n < count; n++) {
    const user_id = `user-${n}`;
    const { twilio, sendgrid, smtp } = expectedOf(n) as Record<string, Record<string, string>>;
    const common = {
      user_id,
      theme: 'dark',
      openai_api_key: null,
      gemini_api_key: '',
      sendgrid_api_key: ` ${sendgrid?.apiKey}\n`, // stray white space
      sender_email: sendgrid?.senderEmail,
      smtp_hostname: smtp?.hostname,
      smtp_port: 587, // a number
      smtp_password: smtp?.password,
    };
    const twilioSettings = {
      twilio_account_sid: twilio?.accountSid,
      twilio_auth_token: twilio?.authToken,
      twilio_api_key: twilio?.apiKey,
      twilio_api_secret: twilio?.apiSecret,
      twilio_phone_number: twilio?.phoneNumber,
    };
    switch (n % 4) {
      case 0: // everything in one document [L1]
        settings.push({ ...common, ...twilioSettings });
        break;
      case 1: // several documents of one user
        settings.push({ ...common }, { user_id, ...twilioSettings, theme: 'light' });
        break;
      case 2: // a half-done migration [L2]
        settings.push({ ...common });
        secrets.push({ user_id, ...twilioSettings });
        break;
      default: // sealed by the old system, unbound, with the plaintext still there [L3]
        settings.push({ ...common, ...twilioSettings });
        secrets.push({
          tenantId: user_id,
          provider: 'twilio',
          data: seal(
            JSON.stringify({ accountSid: twilio?.accountSid, authToken: twilio?.authToken }),
            key,
          ),
        });
    }
  }
  await db.collection('settings').insertMany(settings as never);
  if (secrets.length > 0) await db.collection('secrets').insertMany(secrets as never);
  return Array.from({ length: count }, (_, n) => `user-${n}`);
}

/** The credentials in the clear that a database still holds, as `collection.field`. */
export async function plaintextIn(db: Db): Promise<string[]> {
  const found = [];
  for (const name of ['settings', 'secrets']) {
    for (const document of await db.collection(name).find().toArray()) {
      for (const [field, value] of Object.entries(document)) {
        const credential = /^(twilio|sendgrid|smtp|sender|openai|gemini)_/.test(field);
        if (credential && value) found.push(`${name}.${field}`);
      }
    }
  }
  return found;
}

/** Expects of the first `count` tenants that the vault holds exactly what they must have. */
export async function expectMigrated(vault: SecretsVault, count: number): Promise<void> {
  for (let first = 0; first < count; first += 100) {
    const numbers = Array.from({ length: Math.min(100, count - first) }, (_, n) => first + n);
    await Promise.all(
      numbers.flatMap((n) =>
        Object.entries(expectedOf(n)).map(async ([provider, fields]) => {
          expect((await vault.get(`user-${n}`, provider))?.reveal()).toEqual(fields);
        }),
      ),
    );
  }
}
