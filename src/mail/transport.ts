import { defineClientFactory } from '../clients/define-client-factory.ts';
import { smtpProvider } from '../providers/built-in.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { MailTransport, MailTransportOptions } from './types.ts';

type Factory = (vault: SecretsVault, options?: MailTransportOptions) => Promise<MailTransport>;
const factories = new WeakMap<object, Factory>();

/**
 * A tenant's own mail server, by nodemailer: the CRM's third way to send. With `smtp` it signs in with a
 * password, with a provider of `provider-vault/oauth` with an access token, which is renewed when it is
 * due.
 *
 * The password or token leaves through TLS only, but to a loopback address. Ask for the transport before
 * each mail: it is kept, and changes with the credentials.
 *
 * @example
 * ```ts
 * const mail = await getMailTransport(vault, { tenantId: 'acme', provider: google });
 * await mail.sendMail({ from, to, subject, text });
 * ```
 * @throws VaultError `ERR_NOT_CONFIGURED` naming what is missing and where it looked;
 * `ERR_INVALID_ARGUMENT` for a provider without a mail server; `ERR_PEER_MISSING` without `nodemailer`;
 * as `vault.fresh`
 * @public
 */
export async function getMailTransport(
  vault: SecretsVault,
  options: MailTransportOptions,
): Promise<MailTransport> {
  const { provider = smtpProvider } = options ?? {};
  let factory = factories.get(provider);
  if (factory === undefined) {
    factory = defineClientFactory(provider, async (credentials, given: MailTransportOptions) => {
      const { buildMailTransport } = await import('./build-transport.ts');
      return buildMailTransport(provider, credentials, given);
    });
    factories.set(provider, factory);
  }
  return factory(vault, options);
}
