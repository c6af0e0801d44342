import { randomBytes } from 'node:crypto';
import { isDate } from 'node:util/types';
import {
  isVaultError,
  type KeyStore,
  type KeyWrapper,
  type SecretStore,
  type StoredKey,
} from 'provider-vault';
import type { OpenTenantKeys } from '../open-keys.ts';
import { count } from '../output.ts';
import { type Check, fail, pass, warn } from './check.ts';

/** What can be said of the keys of tenants without opening one. */
export async function checkTenantKeys(
  { wrappers, place }: OpenTenantKeys,
  records: SecretStore,
): Promise<Check[]> {
  const [current, ...previous] = wrappers;
  const checks = [await checkWrapper(current)];
  for (const wrapper of previous) checks.push(await checkPrevious(wrapper));
  try {
    await place.requireExisting();
    const found = await readKeys(place.keyStore);
    return [
      ...checks,
      ...checkDamaged(found),
      checkWrappersInUse(found, wrappers),
      await checkTenants(found, records),
      checkAge(found),
    ];
  } catch (error) {
    if (!isVaultError(error)) throw error;
    const todo = 'Without the key store, nothing that tenant keys sealed can be opened.';
    return [...checks, fail('key store', error.message, todo)];
  }
}

const PERMIT = 'Fix what the message names; until then nothing new can be sealed or opened.';

/** Wraps a random key, unwraps it, and tries to unwrap it as another tenant. */
async function checkWrapper(wrapper: KeyWrapper): Promise<Check> {
  const { id } = wrapper;
  const key = randomBytes(32);
  try {
    const wrapped = await wrapper.wrap(key, { tenantId: 'doctor' });
    const unwrapped = await wrapper.unwrap(wrapped, { tenantId: 'doctor' });
    const isSame = key.equals(unwrapped);
    unwrapped.fill(0);
    if (!isSame) return fail('KMS key', `${id} unwraps another key than it wrapped`, 'Replace it.');
    if (id.startsWith('azure:') || !(await unwrapsForAnyTenant(wrapper, wrapped))) {
      return pass('KMS key', `${id} wraps and unwraps`);
    }
    return warn(
      'KMS key',
      `${id} wraps and unwraps, but for any tenant`,
      'Make a key of Vault Transit with derived=true, and move to it with `provider-vault rewrap`.',
    );
  } catch (error) {
    if (!isVaultError(error)) throw error;
    return fail('KMS key', error.message, PERMIT);
  } finally {
    key.fill(0);
  }
}

async function unwrapsForAnyTenant(wrapper: KeyWrapper, wrapped: Uint8Array): Promise<boolean> {
  try {
    (await wrapper.unwrap(wrapped, { tenantId: 'another-doctor' })).fill(0);
    return true;
  } catch (error) {
    if (isVaultError(error, 'ERR_DECRYPTION_FAILED')) return false;
    throw error;
  }
}

/** It must unwrap; a previous key may be one that wraps nothing any more, so that is no failure. */
async function checkPrevious(wrapper: KeyWrapper): Promise<Check> {
  const check = await checkWrapper(wrapper);
  const name = 'previous KMS key';
  if (check.state === 'pass') return { ...check, name };
  return warn(name, check.text, 'What it wrapped can be opened only while it unwraps.');
}

interface FoundKeys {
  /** Keys per wrapper. */
  readonly wrappers: Record<string, number>;
  /** Tenants that have a key which was not erased. */
  readonly tenants: ReadonlySet<string>;
  readonly oldest: Date | undefined;
  /** Tenants whose entry is not in the form that this library gives it. */
  readonly damaged: number;
}

async function readKeys(keyStore: KeyStore): Promise<FoundKeys> {
  const wrappers: Record<string, number> = {};
  const tenants = new Set<string>();
  let oldest: Date | undefined;
  let damaged = 0;
  for await (const batch of keyStore.scan({ batchSize: 1000 })) {
    for (const { tenantId, keys, erased } of batch) {
      if (!Array.isArray(keys) || !keys.every(isReadable)) {
        damaged++;
        continue;
      }
      for (const { number, wrapper, createdAt } of keys) {
        if (number <= (erased?.through ?? 0)) continue;
        tenants.add(tenantId);
        wrappers[wrapper] = (wrappers[wrapper] ?? 0) + 1;
        if (oldest === undefined || createdAt < oldest) oldest = createdAt;
      }
    }
  }
  return { wrappers, tenants, oldest, damaged };
}

function isReadable(key: Partial<StoredKey> | null): boolean {
  return (
    Number.isSafeInteger(key?.number) &&
    typeof key?.wrapper === 'string' &&
    isDate(key.createdAt) &&
    !Number.isNaN(key.createdAt.getTime())
  );
}

function checkDamaged({ damaged }: FoundKeys): Check[] {
  if (damaged === 0) return [];
  return [
    fail(
      'damaged tenant keys',
      `the keys of ${count(damaged, 'tenant')} are malformed`,
      'Restore them from a backup of the key store; `provider-vault rewrap --dry-run` names the tenants.',
      { damaged },
    ),
  ];
}

function checkWrappersInUse({ wrappers }: FoundKeys, configured: readonly KeyWrapper[]): Check {
  const name = 'keys per KMS key';
  const ids = Object.keys(wrappers);
  const text =
    ids.map((id) => `${id}: ${count(wrappers[id] ?? 0, 'key')}`).join(', ') || 'no keys yet';
  const unknown = ids.filter((id) => !configured.some((wrapper) => wrapper.id === id));
  if (unknown.length > 0) {
    const todo = `Name in --previous-kms what is not configured: ${unknown.join(', ')}.`;
    return fail(name, text, todo, wrappers);
  }
  if (ids.some((id) => id !== configured[0]?.id)) {
    const todo = `\`provider-vault rewrap\` wraps everything by ${configured[0]?.id}.`;
    return warn(name, text, todo, wrappers);
  }
  return pass(name, text, wrappers);
}

async function checkTenants({ tenants }: FoundKeys, records: SecretStore): Promise<Check> {
  const name = 'tenants without a key';
  let without = 0;
  let last: string | undefined;
  for await (const batch of records.scan({ batchSize: 1000 })) {
    for (const { tenantId } of batch) {
      if (tenantId === last) continue; // a scan is ordered by tenant
      last = tenantId;
      if (!tenants.has(tenantId)) without++;
    }
  }
  const details = { without, with: tenants.size };
  if (without === 0) return pass(name, `none; ${count(tenants.size, 'tenant')} with one`, details);
  return warn(
    name,
    `${count(without, 'tenant')} with records`,
    '`provider-vault rotate` gives each one a key. If their records are of an unknown key, the key store is too old: restore a newer backup of it.',
    details,
  );
}

const DAY_MS = 86_400_000;

function checkAge({ oldest }: FoundKeys): Check {
  if (oldest === undefined) return pass('oldest tenant key', 'there are none yet');
  const days = Math.floor((Date.now() - oldest.getTime()) / DAY_MS);
  const text = `made ${oldest.toISOString().slice(0, 10)}, ${count(days, 'day')} ago`;
  return pass('oldest tenant key', text, { createdAt: oldest, days });
}
