import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDate } from 'node:util/types';
import { VaultError } from '../errors.ts';
import type { KeyProvider } from '../keys/vault-key.ts';
import { assertTenantId } from '../names.ts';
import type { KeyEntry, KeyStore, StoredKey } from '../stores/key-store.ts';
import { tenantKeyControl } from './control.ts';
import { unavailable, withDeadline } from './deadline.ts';

const ETAG = /^[A-Za-z0-9+/]{16}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const MAX_ATTEMPTS = 20;
const MAX_PAUSE_MS = 50;

/** The number in the id of a tenant key [R5]; `undefined` for the id of another key. @internal */
export function keyNumber(keyId: unknown): number | undefined {
  const digits = typeof keyId === 'string' && /^t([1-9]\d{0,14})-[0-9a-f]{8}$/.exec(keyId);
  return digits ? Number(digits[1]) : undefined;
}

/** A tenant's entry as the store has it now, checked. @internal */
export async function readEntry(store: KeyStore, tenantId: string): Promise<KeyEntry | undefined> {
  assertTenantId(tenantId);
  const entry = await withDeadline('The key store', () => store.get(tenantId));
  if (entry === undefined) return undefined;
  if (entry?.tenantId === tenantId && isWellFormed(entry)) return entry;
  throw malformedEntry(tenantId);
}

/** @internal */
export function malformedEntry(tenantId: string): VaultError {
  return new VaultError(
    'ERR_KEY_INVALID',
    `The keys of tenant "${tenantId}" in the key store are malformed, and were left as they are. Restore them from a backup of the key store.`,
  );
}

/** Whether an entry, which anything may have written, has the form that this library gives it. @internal */
export function isWellFormed({ etag, current, keys, erased }: KeyEntry): boolean {
  const isNumber = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  if (typeof etag !== 'string' || !ETAG.test(etag)) return false;
  if (!isNumber(current) || !Array.isArray(keys) || !keys.every(isKey)) return false;
  if (erased !== undefined && !(isDate(erased?.at) && isNumber(erased.through))) return false;
  const numbers = new Set(keys.map(({ number }) => number));
  const hasCurrent = numbers.has(current) || current <= (erased?.through ?? 0);
  return numbers.size === keys.length && hasCurrent && Math.max(0, ...numbers) <= current;
}

function isKey(key: Partial<StoredKey> | null): boolean {
  return (
    typeof key === 'object' &&
    key !== null &&
    keyNumber(key.keyId) === key.number &&
    typeof key.wrapper === 'string' &&
    typeof key.wrapped === 'string' &&
    BASE64.test(key.wrapped) &&
    isDate(key.createdAt)
  );
}

/** Whether the tenant was erased, and has no new key since. @internal */
export function isErased(entry: KeyEntry | undefined): boolean {
  return entry?.erased !== undefined && entry.current <= entry.erased.through;
}

/** @internal */
export function erasedError(tenantId: string): VaultError {
  return new VaultError(
    'ERR_KEY_ERASED',
    `The keys of tenant "${tenantId}" were erased: what they sealed cannot be opened any more. \`keys.renew\` lets the tenant write again.`,
  );
}

/** The keys that may be used: those that were not erased. @internal */
export function usableKeys(entry: KeyEntry | undefined): readonly StoredKey[] {
  const through = entry?.erased?.through ?? 0;
  return entry?.keys.filter(({ number }) => number > through) ?? [];
}

/** The key that seals. @internal */
export function currentKey(entry: KeyEntry | undefined): StoredKey | undefined {
  return usableKeys(entry).find(({ number }) => number === entry?.current);
}

/** @internal */
export function nextNumber(entry: KeyEntry | undefined): number {
  const { current = 0, erased, keys = [] } = entry ?? {};
  return Math.max(current, erased?.through ?? 0, ...keys.map(({ number }) => number)) + 1;
}

/** A new entry, for a tenant that has none. @internal */
export function emptyEntry(tenantId: string): KeyEntry {
  return { tenantId, etag: '', current: 0, keys: [] };
}

/**
 * Changes a tenant's entry as a compare-and-set, again from the stored one after each lost race.
 *
 * @param change - gives the new entry, or `undefined` to leave the stored one; its etag is replaced
 * @param known - the stored entry, if it was just read
 * @returns the entry that is stored now
 * @internal
 */
export async function changeEntry(
  store: KeyStore,
  tenantId: string,
  change: (stored: KeyEntry | undefined) => KeyEntry | undefined | Promise<KeyEntry | undefined>,
  known?: { readonly stored: KeyEntry | undefined },
): Promise<KeyEntry | undefined> {
  let stored = known ? known.stored : await readEntry(store, tenantId);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const changed = await change(stored);
    if (changed === undefined) return stored;
    const next = { ...changed, etag: randomBytes(12).toString('base64') };
    const expected = stored?.etag ?? null;
    if (await withDeadline('The key store', () => store.put(next, expected))) return next;
    await sleep(Math.random() * MAX_PAUSE_MS);
    stored = await readEntry(store, tenantId);
  }
  throw unavailable(
    `The keys of tenant "${tenantId}" were changed by others ${MAX_ATTEMPTS} times meanwhile. Try again later.`,
  );
}

/**
 * Whether a tenant was erased, and has no new key since.
 *
 * @throws VaultError `ERR_KEY_UNAVAILABLE`
 * @internal
 */
export async function isTenantErased(keys: KeyProvider, tenantId: string): Promise<boolean> {
  return isErased(await tenantKeyControl(keys)?.entry(tenantId));
}
