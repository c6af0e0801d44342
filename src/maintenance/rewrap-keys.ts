import { abortError } from '../core/audited.ts';
import { isVaultError } from '../errors.ts';
import type { KeyEntry, KeyStore, StoredKey } from '../stores/key-store.ts';
import { unavailable } from '../tenant-keys/deadline.ts';
import { changeEntry, isWellFormed, usableKeys } from '../tenant-keys/entry.ts';
import { alteredKey, type KeyWrappers, wrappedText } from '../tenant-keys/wrappers.ts';
import { forEachKeyEntry } from './key-entries.ts';
import type { LongOperationOptions, OperationIssue } from './long-operation.ts';

/**
 * What `TenantKeys.rewrap` did. It holds counts and ids, never a key.
 *
 * @public
 */
export interface RewrapReport {
  /** Keys gone through; a tenant whose entry is malformed counts as one. */
  scanned: number;
  /** Keys that were wrapped anew; in a dry run, that would be. */
  rewrapped: number;
  /** Keys that the newest version of the KMS key wraps already. */
  upToDate: number;
  /** Keys that could not be unwrapped, and were left as they are. */
  failedCount: number;
  /** The first 1,000 of them. */
  failed: OperationIssue[];
}

/** A wrapped key, and what became of it: the new one, nothing to do, or an error. */
interface Item {
  readonly tenantId: string;
  readonly stored: StoredKey;
  readonly result: StoredKey | undefined | { readonly error: unknown };
}

/** Does the work of `TenantKeys.rewrap`. @internal */
export async function rewrapKeys(
  store: KeyStore,
  wrappers: KeyWrappers,
  options: LongOperationOptions,
): Promise<RewrapReport> {
  return forEachKeyEntry(store, options, {
    emptyReport: (): RewrapReport => ({
      scanned: 0,
      rewrapped: 0,
      upToDate: 0,
      failedCount: 0,
      failed: [],
    }),
    handle: (batch, part) => rewrapBatch(store, wrappers, options, batch, part),
  });
}

async function rewrapBatch(
  store: KeyStore,
  wrappers: KeyWrappers,
  options: LongOperationOptions,
  batch: readonly KeyEntry[],
  report: RewrapReport,
): Promise<void> {
  const good = batch.filter(isWellFormed);
  for (const { tenantId } of batch.filter((entry) => !isWellFormed(entry))) {
    report.scanned++;
    fail(report, { tenantId, provider: undefined, reason: 'ERR_KEY_INVALID' });
  }
  const items = await wrapOrRefuse(wrappers, good, options.dryRun === true);
  if (options.signal?.aborted) throw abortError(options.signal);
  await Promise.all(
    good.map(async (entry) => {
      const own = items.filter(({ tenantId }) => tenantId === entry.tenantId);
      if (!options.dryRun) await replaceKeys(store, entry, own);
      for (const { tenantId, stored, result } of own) {
        report.scanned++;
        if (result === undefined) report.upToDate++;
        else if ('error' in result) {
          const reason = isVaultError(result.error) ? result.error.code : 'unexpected';
          fail(report, { tenantId, provider: undefined, reason, keyId: stored.keyId });
        } else report.rewrapped++;
      }
    }),
  );
}

/**
 * Wraps all keys of a batch. A service that refuses one key is told from one that went away in the
 * middle, whose keys must not count as done: the keys that failed are tried again, each wrapper's with
 * one that it did unwrap.
 *
 * @throws the error of a KMS that is away, or refuses everything
 */
async function wrapOrRefuse(
  wrappers: KeyWrappers,
  entries: readonly KeyEntry[],
  dryRun: boolean,
): Promise<Item[]> {
  const keys = entries.flatMap((entry) =>
    usableKeys(entry).map((stored) => ({ tenantId: entry.tenantId, stored })),
  );
  const items = await wrapAll(wrappers, keys, dryRun);
  const [outage] = items.filter(isUnavailable);
  if (outage === undefined) return items;
  if (items.every(hasFailed)) throw outage.result.error;
  const again = items.filter(isUnavailable).filter(({ stored }) => wrappers.has(stored));
  const proofs = again.map((item) => {
    const proof = items.find(
      (one) => one.stored.wrapper === item.stored.wrapper && !hasFailed(one),
    );
    if (proof === undefined) throw item.result.error;
    return proof;
  });
  const tried = [...new Set<Item>([...proofs, ...again])];
  const results = await wrapAll(wrappers, tried, dryRun);
  for (const result of results.slice(0, tried.length - again.length)) {
    if (hasFailed(result)) throw result.result.error;
  }
  const byKey = new Map(results.map((item) => [item.stored, item]));
  return items.map((item) => byKey.get(item.stored) ?? item);
}

interface FailedItem extends Item {
  readonly result: { readonly error: unknown };
}

function hasFailed(item: Item): item is FailedItem {
  return item.result !== undefined && 'error' in item.result;
}

function isUnavailable(item: Item): item is FailedItem {
  if (!hasFailed(item)) return false;
  const { error } = item.result;
  return !isVaultError(error) || error.code === 'ERR_KEY_UNAVAILABLE';
}

async function wrapAll(
  wrappers: KeyWrappers,
  keys: readonly Pick<Item, 'tenantId' | 'stored'>[],
  dryRun: boolean,
): Promise<Item[]> {
  const { current } = wrappers;
  const inService = keys.filter(({ stored }) => current.rewrap && stored.wrapper === current.id);
  const byService = await rewrapInService(wrappers, inService);
  return Promise.all(
    keys.map(async (key): Promise<Item> => {
      const { tenantId, stored } = key;
      const done = byService.get(stored);
      if (done !== undefined) return done;
      try {
        if (!dryRun) return { ...key, result: await wrappers.wrapAnew(stored, tenantId) };
        wrappers.of(stored, tenantId);
        return { ...key, result: stored };
      } catch (error) {
        return { ...key, result: { error } };
      }
    }),
  );
}

/** Keys that stay in the KMS while they are wrapped anew, all at once. One that fails fails alone. */
async function rewrapInService(
  wrappers: KeyWrappers,
  keys: readonly Pick<Item, 'tenantId' | 'stored'>[],
): Promise<Map<StoredKey, Item>> {
  const { current } = wrappers;
  if (keys.length === 0) return new Map();
  try {
    const sent = keys.map(({ tenantId, stored }) => ({
      wrapped: Buffer.from(stored.wrapped, 'base64'),
      context: { tenantId },
    }));
    const answers = await wrappers.call('rewrapKeys', current, undefined, async () =>
      current.rewrap?.(sent),
    );
    // A key that is not in the answer must not count as wrapped by the newest version.
    if (!Array.isArray(answers) || answers.length !== keys.length) {
      throw unavailable(`The wrapper "${current.id}" did not answer for each key.`);
    }
    return new Map(
      keys.map((key, at) => {
        const wrapped: unknown = answers[at];
        const result =
          wrapped === undefined
            ? undefined
            : { ...key.stored, wrapped: wrappedText(wrapped, current) };
        return [key.stored, { ...key, result }];
      }),
    );
  } catch (error) {
    const [only] = keys;
    if (only && keys.length === 1) {
      const rejected = isVaultError(error, 'ERR_DECRYPTION_FAILED');
      const reason = rejected ? alteredKey(only.stored, only.tenantId) : error;
      return new Map([[only.stored, { ...only, result: { error: reason } }]]);
    }
    const alone = await Promise.all(keys.map((key) => rewrapInService(wrappers, [key])));
    return new Map(alone.flatMap((one) => [...one]));
  }
}

async function replaceKeys(
  store: KeyStore,
  entry: KeyEntry,
  items: readonly Item[],
): Promise<void> {
  const next = new Map<string, StoredKey>();
  for (const { stored, result } of items) {
    if (result !== undefined && !('error' in result)) next.set(stored.wrapped, result);
  }
  if (next.size === 0) return;
  const change = (stored: KeyEntry | undefined) => {
    const keys = stored?.keys.map((key) => next.get(key.wrapped) ?? key) ?? [];
    const changed = keys.some((key, at) => key !== stored?.keys[at]);
    return changed ? { ...(stored as KeyEntry), keys } : undefined;
  };
  await changeEntry(store, entry.tenantId, change, { stored: entry });
}

function fail(report: RewrapReport, issue: OperationIssue): void {
  report.failedCount++;
  report.failed.push(issue);
}
