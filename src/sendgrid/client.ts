import { defineClientFactory } from '../clients/define-client-factory.ts';
import { sendgridProvider } from '../providers/built-in.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { SendGridClientOptions } from './build-client.ts';
import type { SendGridMailService } from './types.ts';

/**
 * The official SendGrid mail service of a tenant, from the package `@sendgrid/mail`: always an
 * instance of its own, never the package's shared one.
 *
 * It looks in the environment (tenant `default`, unless told otherwise), then in the vault.
 *
 * It is the SDK's own service, with these differences. Its errors are a `ProviderError` with
 * SendGrid's `status`. A mail for a subuser (`on-behalf-of`), or with an `Authorization` header, is
 * refused. Printing it shows no credential. And its setters are refused, because all callers share it.
 *
 * @example
 * ```ts
 * const mail = await getSendGridClient(vault, { tenantId: 'acme' });
 * await mail.send({ to, from, subject, text });
 * ```
 * @throws VaultError `ERR_NOT_CONFIGURED` naming what is missing and where it looked;
 * `ERR_ENV_INCOMPLETE`; `ERR_INVALID_ARGUMENT` for an unknown residency or a malformed key;
 * `ERR_PEER_MISSING`; what reading the vault throws
 * @public
 */
export const getSendGridClient: (
  vault: SecretsVault,
  options?: SendGridClientOptions,
) => Promise<SendGridMailService> = /* @__PURE__ */ defineClientFactory(
  sendgridProvider,
  async (credentials, options: SendGridClientOptions) => {
    const { buildSendGridClient } = await import('./build-client.ts');
    return buildSendGridClient(credentials, options);
  },
);
