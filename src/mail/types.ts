import type { ClientOptions } from '../clients/credentials.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';

/**
 * Options of `getMailTransport`.
 *
 * @public
 */
export interface MailTransportOptions extends ClientOptions {
  /**
   * `smtpProvider`, with a password, or a provider of `provider-vault/oauth` that has a mail server, with
   * XOAUTH2: `googleMail(…)`, `microsoft365(…)`.
   *
   * @defaultValue the built-in provider `smtp`
   */
  readonly provider?: ProviderDefinition;
  /**
   * Further options of nodemailer's SMTP transport, such as `tls` and `name`. Credentials, the server's
   * address and the need for TLS cannot be changed.
   */
  readonly transport?: Readonly<Record<string, unknown>>;
  /** Milliseconds for which the server may be silent. @defaultValue 30,000 */
  readonly timeoutMs?: number;
}

/**
 * A mail, as `sendMail` of nodemailer takes it. Attachments come as `content`: files and URLs are not
 * read.
 *
 * @public
 */
export interface Mail {
  from?: unknown;
  to?: unknown;
  cc?: unknown;
  bcc?: unknown;
  replyTo?: unknown;
  subject?: string;
  text?: unknown;
  html?: unknown;
  attachments?: readonly object[];
  headers?: unknown;
  [option: string]: unknown;
}

/**
 * What the mail server answered.
 *
 * @public
 */
export interface MailResult {
  readonly messageId: string;
  readonly accepted: readonly unknown[];
  readonly rejected: readonly unknown[];
  readonly response: string;
}

/**
 * A mail server of one tenant.
 *
 * @public
 */
export interface MailTransport {
  /** Sends a mail. @throws VaultError `ERR_PROVIDER` with the server's reply as `status` */
  sendMail(mail: Mail): Promise<MailResult>;
  /** Signs in, and sends nothing. @throws VaultError `ERR_PROVIDER` */
  verify(): Promise<true>;
  /** Ends the connections that are open. */
  close(): void;
}
