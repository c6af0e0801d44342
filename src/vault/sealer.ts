import { openWithAny, seal } from '../crypto/codec.ts';
import { VaultError } from '../errors.ts';
import type { KeyProvider } from '../keys/vault-key.ts';
import { emptyFields, type FieldMap } from '../providers/fields.ts';
import { type SealedVersion, type SecretRecord, versionOf } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';

/**
 * What to do with a record that is bound to no tenant, as the old system wrote them [R4].
 *
 * @public
 */
export type UnboundPolicy = 'accept' | 'refuse';

/** The content of one sealed version. @internal */
export interface OpenedVersion {
  readonly fields: FieldMap;
  /** Whether the content carries its address and revision [R3]. */
  readonly bound: boolean;
}

/**
 * Turns fields into sealed data and back. The only place where keys, codec and binding meet.
 *
 * @internal
 */
export class Sealer {
  readonly #keys: KeyProvider;
  readonly #unbound: UnboundPolicy;

  constructor(keys: KeyProvider, unbound: UnboundPolicy) {
    this.#keys = keys;
    this.#unbound = unbound;
  }

  /** Seals `fields` for exactly this address and revision [R3]. */
  async seal(
    ref: SecretRef,
    rev: number,
    fields: FieldMap,
  ): Promise<{ data: string; keyId: string }> {
    const { id, key } = await this.#keys.encryptionKey(ref);
    const binding = { t: ref.tenantId, p: ref.provider, r: rev };
    return { data: seal(JSON.stringify({ ...fields, $bind: binding }), key), keyId: id };
  }

  /** The ids of all configured keys, where the provider of keys can tell them. */
  get keyIds(): readonly string[] {
    const { keyIds } = this.#keys as { keyIds?: readonly string[] };
    return keyIds ?? [];
  }

  /** The id of the key that would seal `ref` now. */
  async currentKeyId(ref: SecretRef): Promise<string> {
    return (await this.#keys.encryptionKey(ref)).id;
  }

  /** Opens the current version of a record. */
  openRecord(record: SecretRecord, unbound = this.#unbound): Promise<OpenedVersion> {
    return this.open(record, versionOf(record), unbound);
  }

  /**
   * Opens one sealed version of the record at `ref`.
   *
   * @throws VaultError `ERR_KEY_UNKNOWN`, `ERR_MALFORMED`, `ERR_DECRYPTION_FAILED`, `ERR_BINDING`,
   * `ERR_UNBOUND`
   */
  async open(
    ref: SecretRef,
    version: SealedVersion,
    unbound = this.#unbound,
  ): Promise<OpenedVersion> {
    const keys = await this.#keys.decryptionKey(version.keyId, ref);
    if (keys.length === 0) {
      throw new VaultError(
        'ERR_KEY_UNKNOWN',
        `${describe(ref)} is sealed with key ${version.keyId ?? '(none named)'}, which is not configured. Add that key to APP_DECRYPTION_KEYS.`,
      );
    }
    const plaintext = openWithAny(
      version.data,
      keys.map(({ key }) => key),
    );
    const content = parseContent(plaintext.toString('utf8'), ref);
    plaintext.fill(0);

    const { $bind: binding, ...members } = content;
    if (binding === undefined) {
      if (unbound === 'refuse') {
        throw new VaultError(
          'ERR_UNBOUND',
          `${describe(ref)} was written by the old system and is not bound to its tenant. Run \`provider-vault rotate\`, which rewrites such records.`,
        );
      }
    } else if (!isBindingOf(binding, ref, version.rev)) {
      throw new VaultError(
        'ERR_BINDING',
        `${describe(ref)} holds the content of another tenant, provider or revision.`,
      );
    }
    return { fields: toFields(members, ref), bound: binding !== undefined };
  }
}

function isBindingOf(binding: unknown, ref: SecretRef, rev: number): boolean {
  const { t, p, r } = (binding ?? {}) as { t?: unknown; p?: unknown; r?: unknown };
  return t === ref.tenantId && p === ref.provider && r === rev;
}

function parseContent(text: string, ref: SecretRef): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // No cause: the message of JSON.parse quotes the text.
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new VaultError('ERR_MALFORMED', `${describe(ref)} does not hold a JSON object.`);
  }
  return content as Record<string, unknown>;
}

// The old system stored what it was given: null is "not set", and a number is its digits.
function toFields(members: Record<string, unknown>, ref: SecretRef): FieldMap {
  const fields = emptyFields();
  for (const [field, value] of Object.entries(members)) {
    if (value === null) continue;
    if (typeof value === 'object') {
      throw new VaultError('ERR_MALFORMED', `${describe(ref)} holds a field that is no string.`);
    }
    fields[field] = String(value);
  }
  return fields;
}

/** A record in words. @internal */
export function describe(ref: SecretRef): string {
  return `The record of tenant "${ref.tenantId}" for provider "${ref.provider}"`;
}
