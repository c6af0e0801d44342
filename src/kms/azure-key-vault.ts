import { publicCode } from '../errors.ts';
import type { KeyWrapper } from '../keys/key-wrapper.ts';
import {
  type Answers,
  assertClient,
  assertMatches,
  assertSettings,
  type Failure,
  failureOf,
  keyWrapper,
  NOT_OURS,
} from './service.ts';

/**
 * Options of {@link azureKeyVault}.
 *
 * @public
 */
export interface AzureKeyVaultOptions {
  /**
   * A `CryptographyClient` of `@azure/keyvault-keys` for one version of an RSA key: its id is
   * `https://NAME.vault.azure.net/keys/KEY/VERSION`.
   */
  readonly client: AzureCryptographyClient;
}

/**
 * What is used of a `CryptographyClient`.
 *
 * @public
 */
export interface AzureCryptographyClient {
  /** URL of the key with its version. */
  readonly keyID: string | undefined;
  /** Encrypts a key with the RSA key. */
  wrapKey(algorithm: string, key: Uint8Array, options?: object): Promise<{ result: Uint8Array }>;
  /** Decrypts it. */
  unwrapKey(algorithm: string, key: Uint8Array, options?: object): Promise<{ result: Uint8Array }>;
}

const ALGORITHM = 'RSA-OAEP-256';

/**
 * A key of Azure Key Vault, by RSA-OAEP-256. RSA takes no additional data: the service does not know
 * whose key it unwraps, and only the derivation of tenant keys [K6] binds it. The caller needs
 * `keys/wrapKey` and `keys/unwrapKey`; the role `Key Vault Crypto Service Encryption User` has them.
 *
 * @experimental tested against a stand-in of the API, not against Azure's service
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @public
 */
export function azureKeyVault(options: AzureKeyVaultOptions): KeyWrapper {
  assertSettings(options, 'azureKeyVault');
  const { client } = options;
  const expected = 'a CryptographyClient of @azure/keyvault-keys';
  assertClient(client, ['wrapKey', 'unwrapKey'], expected);
  const { keyID } = client;
  // Without its version, the client would unwrap with the newest one, which wrapped nothing yet.
  const pattern = /^https:\/\/[^/?#@\s]+\/keys\/[\w-]+\/\w+$/;
  assertMatches(keyID, pattern, "The client's keyID", 'https://…/keys/KEY/VERSION');
  return keyWrapper({
    id: `azure:${new URL(keyID).href}`, // the host in lower case, as the service names it
    name: 'Azure Key Vault',
    permissions: { wrap: 'keys/wrapKey', unwrap: 'keys/unwrapKey' },
    wrap: async (key, _tenantId, abortSignal) =>
      (await client.wrapKey(ALGORITHM, key, { abortSignal })).result,
    unwrap: async (wrapped, _tenantId, abortSignal) =>
      (await client.unwrapKey(ALGORITHM, wrapped, { abortSignal })).result,
    explain,
  });
}

const ANSWERS: Answers = [
  [/401$/, 'refused', 'Check the credential of the client.'],
  [/403$/, 'denied', 'the key is disabled, or a firewall refuses'],
  [/404$/, 'refused', 'There is no such key or version.'],
  [/^unwrap 400$/, 'rejected', NOT_OURS],
];

function explain(error: unknown, operation: string): Failure | undefined {
  const { statusCode, code } = (error ?? {}) as { statusCode?: number; code?: unknown };
  if (typeof statusCode !== 'number') return undefined;
  const what = [publicCode(code), `status ${statusCode}`].filter(Boolean).join(', ');
  return failureOf(ANSWERS, `${operation} ${statusCode}`, what, statusCode);
}
