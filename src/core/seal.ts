import { openWithAny, sealText } from '../crypto/codec.ts';
import { VaultError } from '../errors.ts';
import type { VaultKey } from '../keys/vault-key.ts';
import { emptyFields, type FieldMap } from '../providers/fields.ts';
import { recordLabel, type SecretRef } from '../record.ts';
import type { UnboundPolicy, VaultCore } from './vault-core.ts';

/** The reserved member of the plaintext [R3]. */
const BINDING = '$bind';

/** What opening needs of a core. */
type Opener = Pick<VaultCore, 'keys' | 'unbound'>;

/**
 * What opening needs to know of a sealed version: the view of a record, or an earlier version.
 *
 * @internal
 */
export interface Sealed {
  readonly data: string;
  readonly rev: number;
  readonly keyId?: string | undefined;
}

/** The content of one sealed version. @internal */
export interface OpenedVersion {
  readonly fields: FieldMap;
  /** Whether the content carries its address and revision [R3]. */
  readonly bound: boolean;
}

/** Seals `fields` for exactly this address and revision [R3]. @internal */
export async function sealFields(
  { keys }: Pick<VaultCore, 'keys'>,
  ref: SecretRef,
  rev: number,
  fields: FieldMap,
): Promise<{ data: string; keyId: string }> {
  return sealWith(await keys.encryptionKey(ref), ref, rev, fields);
}

/** {@link sealFields} with a key at hand. @internal */
export function sealWith(
  { id, key }: VaultKey,
  ref: SecretRef,
  rev: number,
  fields: FieldMap,
): { data: string; keyId: string } {
  const binding = { t: ref.tenantId, p: ref.provider, r: rev };
  // Joined as text: a copy of the fields, which have no prototype, takes longer than the encryption.
  const members = JSON.stringify(fields).slice(0, -1);
  const separator = members === '{' ? '' : ',';
  const content = `${members}${separator}"${BINDING}":${JSON.stringify(binding)}}`;
  return { data: sealText(content, key), keyId: id };
}

/**
 * Opens one sealed version of the record at `ref`: a view of it, or an earlier version. It returns at
 * once when the key is at hand; a promise for each record would cost as much as its decryption.
 *
 * @throws VaultError `ERR_KEY_UNKNOWN`, `ERR_MALFORMED`, `ERR_DECRYPTION_FAILED`, `ERR_BINDING`,
 * `ERR_UNBOUND`
 * @internal
 */
export function openVersion(
  core: Opener,
  ref: SecretRef,
  version: Sealed,
  unbound: UnboundPolicy = core.unbound,
): OpenedVersion | Promise<OpenedVersion> {
  const keys = core.keys.decryptionKey(version.keyId, ref);
  return 'then' in keys
    ? keys.then((keys) => openWith(keys, ref, version, unbound))
    : openWith(keys, ref, version, unbound);
}

function openWith(
  keys: readonly VaultKey[],
  ref: SecretRef,
  { data, rev, keyId }: Sealed,
  unbound: UnboundPolicy,
): OpenedVersion {
  if (keys.length === 0) {
    const named = typeof keyId === 'string' ? keyId : '(none named)'; // of an earlier version: anything
    const todo = /^t\d/.test(named)
      ? 'It is a tenant key: use TenantKeys, or --kms.'
      : 'Add that key to APP_DECRYPTION_KEYS.';
    throw new VaultError(
      'ERR_KEY_UNKNOWN',
      `${recordLabel(ref)} is sealed with key ${named}, which is not configured. ${todo}`,
    );
  }
  const plaintext = openWithAny(
    data,
    keys.map(({ key }) => key),
  );
  const content = parseContent(plaintext.toString('utf8'), ref);
  plaintext.fill(0);
  const binding = content[BINDING] as { t?: unknown; p?: unknown; r?: unknown } | null | undefined;
  if (binding === undefined) {
    if (unbound === 'refuse') {
      throw new VaultError(
        'ERR_UNBOUND',
        `${recordLabel(ref)} was written by the old system and is not bound to its tenant. Run \`provider-vault rotate\`, which rewrites such records.`,
      );
    }
  } else if (binding?.t !== ref.tenantId || binding.p !== ref.provider || binding.r !== rev) {
    throw new VaultError(
      'ERR_BINDING',
      `${recordLabel(ref)} holds the content of another tenant, provider or revision.`,
    );
  }
  return { fields: toFields(content, ref), bound: binding !== undefined };
}

function parseContent(text: string, ref: SecretRef): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // No cause: the message of JSON.parse quotes the text.
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new VaultError('ERR_MALFORMED', `${recordLabel(ref)} does not hold a JSON object.`);
  }
  return content as Record<string, unknown>;
}

// The old system stored what it was given: null and false are "not set", and a number is its digits.
function toFields(content: Record<string, unknown>, ref: SecretRef): FieldMap {
  const fields = emptyFields();
  for (const field of Object.keys(content)) {
    const value = content[field];
    if (field === BINDING || value === null || value === false) continue;
    if (typeof value === 'object') {
      throw new VaultError(
        'ERR_MALFORMED',
        `${recordLabel(ref)} holds a field that is not a string.`,
      );
    }
    fields[field] = String(value);
  }
  return fields;
}
