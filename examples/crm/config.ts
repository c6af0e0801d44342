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
}

export function configFromEnv(env: NodeJS.ProcessEnv): CrmConfig {
  const publicUrl = new URL(required(env, 'PUBLIC_URL')).href.replace(/\/$/, '');
  const csrfSecret = required(env, 'CSRF_SECRET');
  if (csrfSecret.length < 32) throw new Error('CSRF_SECRET must have 32 characters or more.');
  return {
    publicUrl,
    csrfSecret,
    trustedProxies: Number(env.TRUSTED_PROXIES ?? 0),
    env,
    mailboxes: mailboxesFromEnv(env),
  };
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name];
  if (!value) throw new Error(`Set ${name}; see examples/crm/README.md.`);
  return value;
}
