import type { KMSClient, KMSServiceException } from '@aws-sdk/client-kms';
import { peerError } from '../clients/load-peer.ts';
import { publicCode } from '../errors.ts';
import type { KeyWrapper } from '../keys/key-wrapper.ts';
import {
  type Answers,
  assertClient,
  assertMatches,
  assertSettings,
  Failure,
  failureOf,
  keyWrapper,
  NOT_OURS,
  PURPOSE,
} from './service.ts';

/**
 * Options of {@link awsKms}.
 *
 * @public
 */
export interface AwsKmsOptions {
  /** A `KMSClient` of `@aws-sdk/client-kms`: its region, credentials and connections are used. */
  readonly client: AwsKmsClient;
  /**
   * Id, ARN or alias of a symmetric key. An alias must not be moved to another key: that key cannot
   * unwrap what the earlier one wrapped.
   */
  readonly keyId: string;
}

/**
 * What is used of a `KMSClient`.
 *
 * @public
 */
export interface AwsKmsClient {
  /** Sends a command. */
  send(command: never, options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>;
}

/**
 * A key of AWS KMS. The encryption context is `{ tenantId, purpose: 'provider-vault/tenant-key' }`;
 * CloudTrail logs it. The caller needs `kms:Encrypt` and `kms:Decrypt` on the key.
 *
 * `rewrap` is not there: to change the key, name the earlier one in `previousWrappers`. The yearly
 * rotation of AWS KMS needs nothing, because AWS keeps all versions of a key.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @public
 */
export function awsKms(options: AwsKmsOptions): KeyWrapper {
  assertSettings(options, 'awsKms');
  const { keyId } = options;
  assertClient(options.client, ['send'], 'a KMSClient of @aws-sdk/client-kms');
  assertMatches(keyId, /^[\w:/+=,.@-]{1,2048}$/, 'keyId', 'the id, the ARN or an alias of a key');
  const client = options.client as KMSClient;
  const settings = (tenantId: string) => ({
    KeyId: keyId, // for decryption too: any other key's wrapping is refused
    EncryptionContext: { tenantId, purpose: PURPOSE },
  });
  return keyWrapper({
    id: `aws:${keyId}`,
    name: 'AWS KMS',
    permissions: { wrap: 'kms:Encrypt', unwrap: 'kms:Decrypt' },
    wrap: async (key, tenantId, abortSignal) => {
      const { EncryptCommand } = await loadCommands();
      const command = new EncryptCommand({ ...settings(tenantId), Plaintext: key });
      return answered((await client.send(command, { abortSignal })).CiphertextBlob);
    },
    unwrap: async (wrapped, tenantId, abortSignal) => {
      const { DecryptCommand } = await loadCommands();
      const command = new DecryptCommand({ ...settings(tenantId), CiphertextBlob: wrapped });
      return answered((await client.send(command, { abortSignal })).Plaintext);
    },
    explain,
  });
}

async function loadCommands() {
  try {
    return await import('@aws-sdk/client-kms');
  } catch (error) {
    throw peerError('@aws-sdk/client-kms', error);
  }
}

function answered(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw new Failure('transient', 'the answer is incomplete');
  return bytes;
}

const ANSWERS: Answers = [
  [/^AccessDenied/, 'denied'],
  [/^(InvalidCiphertext|IncorrectKey)/, 'rejected', `${NOT_OURS} Has an alias been moved?`],
  [/^NotFound/, 'refused', 'Check keyId and the region of the client.'],
  [/^(Disabled|KMSInvalidState)/, 'refused', 'The key is disabled or scheduled for deletion.'],
  [
    /Token|Signature|UnrecognizedClient|Credentials/,
    'refused',
    'Check the credentials of the client.',
  ],
  [/Throttling|LimitExceeded|^KMSInternal|^DependencyTimeout|^KeyUnavailable/, 'transient'],
];

function explain(error: unknown): Failure | undefined {
  const { name, $metadata } = (error ?? {}) as Partial<KMSServiceException>;
  const code = publicCode(name) ?? 'unknown code';
  const status = $metadata?.httpStatusCode;
  if (status !== undefined) return failureOf(ANSWERS, code, `${code}, status ${status}`, status);
  return /Credentials/.test(code) ? failureOf(ANSWERS, code, code) : undefined;
}
