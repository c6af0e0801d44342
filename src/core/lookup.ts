import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { recordErrorCodeOrThrow } from '../errors.ts';
import { toVaultKey, type VaultKey } from '../keys/vault-key.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import type { FieldMap } from '../providers/fields.ts';
import { currentVersion, lookupEntries, type RecordView } from '../record.ts';
import { openVersion } from './seal.ts';
import type { VaultCore } from './vault-core.ts';

const DERIVATION = 'provider-vault/lookup-key';

// By the key they are derived from; an entry goes with that key.
const derived = new WeakMap<KeyObject, VaultKey>();

/**
 * The keys of lookups: the first one writes, all of them find. Derived ones stay behind a configured
 * one, so that what they have indexed is found until it is indexed anew.
 *
 * @internal
 */
export function lookupKeys({ keys, lookupKey }: VaultCore): VaultKey[] {
  const fromKeys = (keys.lookupKeys?.() ?? []).map(({ key }) => {
    const known = derived.get(key) ?? derive(key);
    derived.set(key, known);
    return known;
  });
  return lookupKey === undefined ? fromKeys : [lookupKey, ...fromKeys];
}

function derive(key: KeyObject): VaultKey {
  const bytes = new Uint8Array(hkdfSync('sha256', key, '', DERIVATION, 32));
  const made = toVaultKey(createSecretKey(bytes));
  bytes.fill(0);
  return made;
}

/** Whether `field` of a provider can be looked up. @internal */
export function isLookupField(definition: ProviderDefinition | undefined, field: string): boolean {
  return (
    definition !== undefined &&
    Object.hasOwn(definition.fields, field) &&
    definition.fields[field]?.lookup === true
  );
}

/**
 * The entry of `metadata.lookup` for a value: `field:<id of the lookup key>:<base64url of
 * HMAC-SHA-256>`, over provider, field and normalized value, which are separated by newlines.
 *
 * @internal
 */
export function lookupEntry(
  { id, key }: VaultKey,
  provider: string,
  field: string,
  value: string,
): string {
  const text = `${provider}\n${field}\n${normalizeLookup(value)}`;
  return `${field}:${id}:${createHmac('sha256', key).update(text).digest('base64url')}`;
}

/**
 * The form in which values are compared: trimmed and without `whatsapp:`; phone numbers as E.164,
 * whatever separates their digits; hex digits, SIDs and mail addresses in lower case.
 *
 * @internal
 */
export function normalizeLookup(value: string): string {
  const text = value.trim().replace(/^whatsapp:\s*/i, '');
  if (/^(\+|00)[\d\s()./-]+$/.test(text)) return `+${text.replace(/^00/, '').replace(/\D/g, '')}`;
  return /^([A-Za-z]{2})?[0-9a-f]+$|@/i.test(text) ? text.toLowerCase() : text;
}

/**
 * `metadata.lookup` of a record that gets `fields`. An entry that another writer made with a key that
 * is not known here stays while its field keeps its value.
 *
 * @param before - the fields that the record has, where they are known; otherwise it is opened if need be
 * @returns `undefined` for a record without entries
 * @internal
 */
export async function nextLookup(
  core: VaultCore,
  definition: ProviderDefinition | undefined,
  stored: RecordView | undefined,
  provider: string,
  fields: FieldMap,
  before?: FieldMap,
): Promise<readonly string[] | undefined> {
  const keys = lookupKeys(core);
  const [key] = keys;
  const own = new Set<string>();
  if (key !== undefined) {
    for (const [field, value] of Object.entries(fields)) {
      if (value.trim() === '' || !isLookupField(definition, field)) continue;
      own.add(lookupEntry(key, provider, field, value));
    }
  }
  const known = new Set(keys.map(({ id }) => id));
  const others = (stored ? lookupEntries(stored) : []).filter((entry) => {
    const { field, keyId } = parseEntry(entry);
    return !(known.has(keyId) && isLookupField(definition, field));
  });
  if (stored !== undefined && others.length > 0) {
    const old = before ?? (await storedFields(core, stored));
    for (const entry of others) {
      const { field } = parseEntry(entry);
      if (old[field] !== undefined && old[field] === fields[field]) own.add(entry);
    }
  }
  return own.size > 0 ? [...own].sort() : undefined;
}

/** The parts of {@link lookupEntry} that tell whose it is. @internal */
export function parseEntry(entry: string): { field: string; keyId: string } {
  const [field = '', keyId = ''] = entry.split(':');
  return { field, keyId };
}

async function storedFields(core: VaultCore, stored: RecordView): Promise<FieldMap> {
  try {
    return (await openVersion(core, stored.ref, currentVersion(stored), 'accept')).fields;
  } catch (error) {
    recordErrorCodeOrThrow(error);
    return {}; // what it held is not known: its entries go
  }
}
