import type { Environment } from 'provider-vault';
import { type Mailbox, mailboxesFromEnv } from './providers.ts';

export interface CrmConfig {
  /**
   * Where browsers and Twilio reach this backend, without a slash at the end. Webhook signatures
   * are checked against it, never against the `Host` header, which a sender can choose.
   */
  readonly publicUrl: string;
  /** Signs CSRF tokens: 32 random characters or more, the same on every instance. */
  readonly csrfSecret: string;
  /** How many of your proxies stand in front of it: their `X-Forwarded-For` is trusted. */
  readonly trustedProxies: number;
  /** Where an operator's emergency override of tenant `default` is looked for. */
  readonly env: Environment;
  /** What tenants can connect by OAuth to send e-mail. */
  readonly mailboxes: readonly Mailbox[];
  /** How long the audit trail is kept. */
  readonly auditDays: number;
}

export interface ServerConfig extends CrmConfig {
  readonly mongoUrl: string;
  readonly host: string;
  readonly port: number;
}

export function configFromEnv(env: NodeJS.ProcessEnv): ServerConfig {
  const publicUrl = required(env, 'PUBLIC_URL');
  if (!URL.canParse(publicUrl)) throw new Error('PUBLIC_URL must be a URL.');
  const csrfSecret = required(env, 'CSRF_SECRET');
  if (csrfSecret.length < 32) throw new Error('CSRF_SECRET must have 32 characters or more.');
  return {
    publicUrl: new URL(publicUrl).href.replace(/\/$/, ''),
    csrfSecret,
    trustedProxies: wholeNumber(env, 'TRUSTED_PROXIES', 0),
    env,
    mailboxes: mailboxesFromEnv(env),
    auditDays: wholeNumber(env, 'AUDIT_DAYS', 400, 1),
    mongoUrl: mongoUrl(env),
    // Nobody but this machine, unless told otherwise: a proxy with TLS belongs in front of it.
    host: env.HOST || '127.0.0.1',
    port: wholeNumber(env, 'PORT', 3000),
  };
}

export function mongoUrl(env: NodeJS.ProcessEnv): string {
  return env.MONGO_URL || 'mongodb://127.0.0.1/crm';
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`Set ${name}; see examples/crm/README.md.`);
  return value;
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string, usual: number, least = 0): number {
  const value = env[name] ? Number(env[name]) : usual;
  if (Number.isSafeInteger(value) && value >= least && value <= 65_535) return value;
  throw new Error(`${name} must be a whole number from ${least} to 65535.`);
}
