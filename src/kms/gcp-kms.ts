import type { KeyWrapper } from '../keys/key-wrapper.ts';
import { crc32c } from './crc32c.ts';
import {
  type Answers,
  ATTEMPT_MS,
  assertClient,
  assertMatches,
  assertSettings,
  contextBytes,
  Failure,
  failureOf,
  keyWrapper,
  NOT_OURS,
} from './service.ts';

/**
 * Options of {@link gcpKms}.
 *
 * @public
 */
export interface GcpKmsOptions {
  /** A `KeyManagementServiceClient` of `@google-cloud/kms`. */
  readonly client: GcpKmsClient;
  /** `projects/P/locations/L/keyRings/R/cryptoKeys/K`, of purpose `ENCRYPT_DECRYPT`; no version. */
  readonly name: string;
}

/**
 * What is used of a `KeyManagementServiceClient`.
 *
 * @public
 */
export interface GcpKmsClient {
  /** Encrypts with the primary version of a key. */
  encrypt(request: object, options?: object): Promise<readonly unknown[]>;
  /** Decrypts with the version that encrypted. */
  decrypt(request: object, options?: object): Promise<readonly unknown[]>;
}

/**
 * A key of Google Cloud KMS. The tenant is additional authenticated data, and CRC-32C protects the
 * bytes on their way. The caller needs `cloudkms.cryptoKeyVersions.useToEncrypt` and
 * `…useToDecrypt`: the role `roles/cloudkms.cryptoKeyEncrypterDecrypter`.
 *
 * @experimental tested against a stand-in of the API, not against Google's service
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @public
 */
export function gcpKms(options: GcpKmsOptions): KeyWrapper {
  assertSettings(options, 'gcpKms');
  const { client, name } = options;
  const expected = 'a KeyManagementServiceClient of @google-cloud/kms';
  assertClient(client, ['encrypt', 'decrypt'], expected);
  const path = 'projects/P/locations/L/keyRings/R/cryptoKeys/K';
  assertMatches(name, new RegExp(`^${path.replace(/[A-Z]\b/g, '[\\w.:-]+')}$`), 'name', path);
  const settings = (tenantId: string) => {
    const additionalAuthenticatedData = contextBytes(tenantId);
    const additionalAuthenticatedDataCrc32c = checksum(additionalAuthenticatedData);
    return { name, additionalAuthenticatedData, additionalAuthenticatedDataCrc32c };
  };
  return keyWrapper({
    id: `gcp:${name}`,
    name: 'Google Cloud KMS',
    permissions: {
      wrap: 'cloudkms.cryptoKeyVersions.useToEncrypt',
      unwrap: 'cloudkms.cryptoKeyVersions.useToDecrypt',
    },
    wrap: async (key, tenantId) => {
      const request = { ...settings(tenantId), plaintext: key, plaintextCrc32c: checksum(key) };
      const [answer] = (await client.encrypt(request, CALL)) as [EncryptAnswer];
      if (!answer.verifiedPlaintextCrc32c || !answer.verifiedAdditionalAuthenticatedDataCrc32c) {
        throw damaged();
      }
      return intact(answer.ciphertext, answer.ciphertextCrc32c);
    },
    unwrap: async (wrapped, tenantId) => {
      const ciphertextCrc32c = checksum(wrapped);
      const request = { ...settings(tenantId), ciphertext: wrapped, ciphertextCrc32c };
      const [answer] = (await client.decrypt(request, CALL)) as [DecryptAnswer];
      return intact(answer.plaintext, answer.plaintextCrc32c);
    },
    explain,
  });
}

// The client takes no AbortSignal: its own time-out ends a call that was given up.
const CALL = { timeout: ATTEMPT_MS, retry: null };

interface EncryptAnswer {
  readonly ciphertext?: unknown;
  readonly ciphertextCrc32c?: Checksum;
  readonly verifiedPlaintextCrc32c?: boolean;
  readonly verifiedAdditionalAuthenticatedDataCrc32c?: boolean;
}

interface DecryptAnswer {
  readonly plaintext?: unknown;
  readonly plaintextCrc32c?: Checksum;
}

/** An Int64Value of protobuf: a number, a string of digits or a Long. */
type Checksum = { readonly value?: unknown } | null;

function checksum(bytes: Uint8Array) {
  return { value: crc32c(bytes) };
}

function intact(bytes: unknown, expected: Checksum | undefined): Uint8Array {
  if (!(bytes instanceof Uint8Array) || String(expected?.value) !== String(crc32c(bytes))) {
    throw damaged();
  }
  return bytes;
}

function damaged(): Failure {
  return new Failure('transient', 'a checksum (CRC32C) does not match: damaged on the way');
}

// The codes of gRPC, by their number.
const CODES =
  'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED'.split(
    ' ',
  );
const ANSWERS: Answers = [
  [/^unwrap INVALID_ARGUMENT/, 'rejected', NOT_OURS],
  [/PERMISSION_DENIED/, 'denied'],
  [/NOT_FOUND/, 'refused', 'There is no such key: check name.'],
  [/FAILED_PRECONDITION/, 'refused', 'The key version is disabled or destroyed.'],
  [/UNAUTHENTICATED/, 'refused', 'Check the credentials of the client.'],
  [/CANCELLED|DEADLINE_EXCEEDED|RESOURCE_EXHAUSTED|ABORTED|INTERNAL|UNAVAILABLE/, 'transient'],
];

function explain(error: unknown, operation: string): Failure | undefined {
  const name = CODES[Number((error as { readonly code?: unknown } | undefined)?.code)];
  return name === undefined ? undefined : failureOf(ANSWERS, `${operation} ${name}`, name);
}
