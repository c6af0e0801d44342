import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { open } from 'provider-vault';
import type { FakeSendGridKey, FakeTwilioAccount } from 'provider-vault/testing';

// Four tenants, one for each state that a tenant can be in. Their credentials exist at the stand-ins
// of this demo only, and are made when it starts.

interface TwilioCredentials {
  readonly accountSid: string;
  readonly authToken: string;
  readonly apiKey: string;
  readonly apiSecret: string;
}

export interface DemoTenant {
  readonly tenantId: string;
  readonly email: string;
  readonly name: string;
  readonly twilio: TwilioCredentials;
  readonly phoneNumber: string;
  readonly sendgridKey: string;
  readonly senderEmail: string;
}

export interface DemoTenants {
  /** Its record was sealed by the old system, by pycryptodome; tenant `default`. */
  readonly northwind: DemoTenant;
  /** Its credentials are in plaintext in `settings`. */
  readonly globex: DemoTenant;
  /** Enters its credentials during the story. */
  readonly acme: DemoTenant;
  /** Has nothing, yet. */
  readonly initech: DemoTenant;
}

interface OldRecord {
  /** The encryption key, base64. */
  readonly key: string;
  /** Sealed by pycryptodome, as in a document of the collection `secrets`. */
  readonly data: string;
}

export async function readOldRecord(): Promise<OldRecord> {
  return JSON.parse(await readFile(new URL('old-record.json', import.meta.url), 'utf8'));
}

export function demoTenants(old: OldRecord): DemoTenants {
  const northwind: TwilioCredentials = JSON.parse(open(old.data, old.key).toString('utf8'));
  return {
    northwind: tenant('default', 'nora', 'northwind', '+15005550010', northwind),
    globex: tenant('globex', 'gus', 'globex', '+15005550011'),
    acme: tenant('acme', 'ada', 'acme', '+15005550012'),
    initech: tenant('initech', 'ivy', 'initech', '+15005550013'),
  };
}

function tenant(
  tenantId: string,
  user: string,
  company: string,
  phoneNumber: string,
  twilio = newTwilioCredentials(),
): DemoTenant {
  return {
    tenantId,
    email: `${user}@${company}.example`,
    name: `${capital(user)} of ${capital(company)}`,
    twilio,
    phoneNumber,
    sendgridKey: `SG.${random(16)}.${random(32)}`,
    senderEmail: `hello@${company}.example`,
  };
}

function newTwilioCredentials(): TwilioCredentials {
  const hex = () => randomBytes(16).toString('hex');
  return {
    accountSid: `AC${hex()}`,
    authToken: hex(),
    apiKey: `SK${hex()}`,
    apiSecret: random(24),
  };
}

const random = (bytes: number) => randomBytes(bytes).toString('base64url');
const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** The accounts that the stand-in of Twilio knows. */
export function twilioAccounts(tenants: DemoTenants): FakeTwilioAccount[] {
  return Object.values(tenants).map(({ twilio, phoneNumber }: DemoTenant) => ({
    accountSid: twilio.accountSid,
    authToken: twilio.authToken,
    apiKeys: [{ sid: twilio.apiKey, secret: twilio.apiSecret }],
    phoneNumbers: [phoneNumber],
  }));
}

/** The keys that the stand-in of SendGrid knows, each with its one verified sender. */
export function sendgridKeys(tenants: DemoTenants): FakeSendGridKey[] {
  return Object.values(tenants).map(({ sendgridKey, senderEmail }: DemoTenant) => ({
    apiKey: sendgridKey,
    senders: [senderEmail],
  }));
}

/** Every value that must never be seen: not in an answer, not in the log, not in the database. */
export function secretsOf(tenants: DemoTenants): string[] {
  return Object.values(tenants).flatMap(({ twilio, sendgridKey }: DemoTenant) => [
    twilio.authToken,
    twilio.apiSecret,
    sendgridKey,
  ]);
}
