import { printAs } from '../clients/conceal.ts';
import type { ResolvedCredentials } from '../clients/credentials.ts';
import { peerError } from '../clients/load-peer.ts';
import { answerError, networkError } from '../clients/provider-error.ts';
import { assertTimeout, DEFAULT_TIMEOUT_MS } from '../clients/timeout.ts';
import { invalidArgument } from '../errors.ts';
import { oauthMailServer } from '../oauth/connection.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import type { Mail, MailResult, MailTransport, MailTransportOptions } from './types.ts';

const TLS_PORT = 465;
const DEFAULT_PORT = 587;

/** The part of nodemailer's transporter that is used here. */
interface Transporter {
  sendMail(mail: object): Promise<MailResult>;
  verify(): Promise<true>;
  close(): void;
}

/** Where mail goes, and how to sign in there. */
interface MailServer {
  readonly hostname: string;
  readonly port: number;
  readonly auth: Readonly<Record<string, string | undefined>>;
}

/** @internal */
export async function buildMailTransport(
  provider: ProviderDefinition,
  { fields, answered }: ResolvedCredentials,
  { transport = {}, timeoutMs = DEFAULT_TIMEOUT_MS }: MailTransportOptions,
): Promise<MailTransport> {
  assertTimeout(timeoutMs);
  const { hostname, port, auth } = mailServer(provider, fields);
  const isTls = port === TLS_PORT;
  const isLocal = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(hostname);
  const createTransport = await loadNodemailer();
  const transporter = createTransport({
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    ...transport,
    host: hostname,
    port,
    secure: isTls,
    requireTLS: !isTls && !isLocal,
    ignoreTLS: false,
    auth,
    // A mail may come from a form: its attachments must not be files of this machine, or URLs.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const secrets = [auth.pass, auth.accessToken];
  const run = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      const result = await call();
      await answered?.(200);
      return result;
    } catch (error) {
      const { code, responseCode: status, response } = (error ?? {}) as Record<string, unknown>;
      if (code === 'EAUTH') await answered?.(401);
      if (typeof status !== 'number') throw networkError(provider.name, error);
      throw answerError(provider.name, { status, text: response }, secrets);
    }
  };
  const mail: MailTransport = {
    sendMail: (message: Mail) => run(() => transporter.sendMail(message)),
    verify: () => run(() => transporter.verify()),
    close: () => transporter.close(),
  };
  printAs(mail, 'MailTransport', () => ({ hostname, port }));
  return Object.freeze(mail);
}

function mailServer(
  provider: ProviderDefinition,
  fields: Readonly<Record<string, string | undefined>>,
): MailServer {
  const server = oauthMailServer(provider);
  if (server !== undefined) {
    const { account, accessToken } = fields;
    if (!account) {
      throw invalidArgument(
        `The account of ${provider.name} is not known: connect it with "account".`,
      );
    }
    return { ...server, auth: { type: 'OAuth2', user: account, accessToken } };
  }
  const { hostname, port = DEFAULT_PORT, username, password } = fields;
  if (!hostname || !password) {
    throw invalidArgument(`Provider "${provider.name}" has no mail server.`);
  }
  return { hostname, port: Number(port), auth: { user: username, pass: password } };
}

async function loadNodemailer(): Promise<(options: object) => Transporter> {
  try {
    const { default: nodemailer } = await import('nodemailer');
    return nodemailer.createTransport as unknown as (options: object) => Transporter;
  } catch (error) {
    throw peerError('nodemailer', error);
  }
}
