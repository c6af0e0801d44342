import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { VaultError } from '../errors.ts';
import type { SecretRef } from '../record.ts';
import { type CommandOptions, describeCollation, READ_CATALOG } from './command-options.ts';
import { isCreationRace, isNamespaceNotFound } from './errors.ts';
import type { MongoCollection } from './types.ts';
import { ADDRESS_KEYS, IS_RECORD } from './writes.ts';

/**
 * Something about a collection of records that can lose or hide records, and what to do about it.
 *
 * @public
 */
export interface MongoProblem {
  /**
   * `no-index`: `init` was never called. `no-lookup-index`: `init` was last called by an earlier
   * version. `index`: an index on the address has other options than the one that `init` makes.
   * `duplicates`: several records of one tenant and provider, so that the index cannot be made.
   * `collation`: the collection compares strings by the rules of a language.
   */
  readonly kind: 'no-index' | 'no-lookup-index' | 'index' | 'duplicates' | 'collation';
  /** What is wrong: a sentence without its full stop. */
  readonly text: string;
  /** What to do, in full sentences. */
  readonly todo: string;
}

const INDEX_NAME = 'provider_vault_ref';
const LOOKUP_KEYS = { provider: 1, 'metadata.lookup': 1 } as const;
const CREATE_ATTEMPTS = 6;
const REPORTED_DUPLICATES = 5;

type IndexKeys = Record<string, 1>;

interface IndexDescription {
  readonly name: string;
  readonly key: object;
  readonly unique?: boolean;
  readonly sparse?: boolean;
  readonly hidden?: boolean;
  readonly collation?: object;
  readonly partialFilterExpression?: object;
  readonly expireAfterSeconds?: number;
}

/**
 * Makes the unique index on the address of records, unless there is one under another name.
 *
 * @throws VaultError `ERR_STORE_FAILED` with what to do about a problem of the collection
 * @internal
 */
export async function initAddressIndex(
  collection: MongoCollection,
  options: CommandOptions,
): Promise<void> {
  const problems = await checkCollection(collection);
  refuse(problems.filter(({ kind }) => kind !== 'no-index'));
  if (problems.length === 0) return;
  const index = { name: INDEX_NAME, unique: true, partialFilterExpression: IS_RECORD };
  try {
    await createIndex(collection, options, ADDRESS_KEYS, index);
  } catch (error) {
    refuse(await findDuplicates(collection, options));
    throw error;
  }
}

/** Makes the index by which `find` finds records, unless there is one. @internal */
export async function initLookupIndex(
  collection: MongoCollection,
  options: CommandOptions,
): Promise<void> {
  await ensureIndex(collection, options, LOOKUP_KEYS, { name: 'provider_vault_lookup' });
}

/** Whether {@link initLookupIndex} has work to do. @internal */
export async function checkLookupIndex(collection: MongoCollection): Promise<MongoProblem[]> {
  if (await hasIndex(collection, LOOKUP_KEYS)) return [];
  return [
    {
      kind: 'no-lookup-index',
      text: `collection ${JSON.stringify(collection.collectionName)} has no index on provider and metadata.lookup, so that finding a tenant by its account reads all records`,
      todo: 'Call `await store.init()` when your backend starts.',
    },
  ];
}

function refuse([problem, ...more]: readonly MongoProblem[]): void {
  if (problem === undefined) return;
  const others = more.map(({ text }) => ` Also: ${text}.`).join('');
  throw new VaultError('ERR_STORE_FAILED', `MongoDB: ${problem.text}. ${problem.todo}${others}`);
}

/**
 * Whether there is an index on exactly `keys` that the server uses and that removes documents after
 * the same time, whatever its name.
 *
 * @internal
 */
export async function hasIndex(
  collection: MongoCollection,
  keys: IndexKeys,
  expireAfterSeconds?: number,
): Promise<boolean> {
  return (await listIndexes(collection)).some(
    (index) =>
      hasKeys(index, keys) &&
      index.hidden !== true &&
      index.expireAfterSeconds === expireAfterSeconds,
  );
}

/** Makes an index unless {@link hasIndex} finds it; many processes may do so at once. @internal */
export async function ensureIndex(
  collection: MongoCollection,
  options: CommandOptions,
  keys: IndexKeys,
  index: { readonly name: string; readonly expireAfterSeconds?: number },
): Promise<void> {
  if (await hasIndex(collection, keys, index.expireAfterSeconds)) return;
  await createIndex(collection, options, keys, index);
}

async function createIndex(
  collection: MongoCollection,
  { write }: CommandOptions,
  keys: IndexKeys,
  index: object,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await collection.createIndex(keys, { ...write, ...index });
      return;
    } catch (error) {
      if (attempt === CREATE_ATTEMPTS || !isCreationRace(error)) throw error;
      await sleep(Math.random() * 100 * attempt);
    }
  }
}

/**
 * What is wrong with a collection of records: its default collation, and its indexes on the address.
 *
 * @internal
 */
export async function checkCollection(collection: MongoCollection): Promise<MongoProblem[]> {
  const name = JSON.stringify(collection.collectionName);
  const indexes = await listIndexes(collection);
  const problems = indexes.length > 0 ? await collationProblems(collection) : [];
  const onAddress = indexes.filter(
    (index) => hasKeys(index, ADDRESS_KEYS) || index.name === INDEX_NAME,
  );
  const hasRightOne = onAddress.some((index) => faultsOf(index).length === 0);
  for (const index of onAddress) {
    const faults = faultsOf(index);
    // Beside the right one, an index does harm only if it treats different addresses as equal.
    const harms = hasRightOne ? index.unique && describeCollation(index) : faults.length > 0;
    if (!harms) continue;
    problems.push({
      kind: 'index',
      text: `index ${JSON.stringify(index.name)} of collection ${name} ${faults.join(' and ')}`,
      todo: `Drop it with db.getCollection(${name}).dropIndex(${JSON.stringify(index.name)}), and call \`await store.init()\`.`,
    });
  }
  if (!hasRightOne && problems.every(({ kind }) => kind !== 'index')) {
    problems.push({
      kind: 'no-index',
      text: `collection ${name} has no unique index on tenantId and provider`,
      todo: 'Call `await store.init()` when your backend starts.',
    });
  }
  return problems;
}

async function collationProblems(collection: MongoCollection): Promise<MongoProblem[]> {
  const collation = describeCollation(await collection.options(READ_CATALOG));
  if (collation === undefined) return [];
  return [
    {
      kind: 'collation',
      text: `collection ${JSON.stringify(collection.collectionName)} has the default collation ${collation}, which applies to its _id, so that two different tenants can have the same one`,
      todo: 'Create a collection without a collation, copy the documents into it, and use that one.',
    },
  ];
}

/** @throws VaultError `ERR_STORE_FAILED` for a collection whose `_id` has a collation @internal */
export async function refuseCollation(collection: MongoCollection): Promise<void> {
  if ((await listIndexes(collection)).length > 0) refuse(await collationProblems(collection));
}

/** The addresses that have several records; the first few of them. @internal */
export async function findDuplicates(
  collection: MongoCollection,
  options: CommandOptions,
): Promise<MongoProblem[]> {
  const found = await duplicateRecords(collection, options, [{ $limit: REPORTED_DUPLICATES }]);
  return found.map(({ _id: { tenantId, provider }, ids }) => ({
    kind: 'duplicates',
    text: `${ids.length} documents of collection ${JSON.stringify(collection.collectionName)} hold a record of tenant "${tenantId}" for provider "${provider}", with the _ids ${ids.map((id) => JSON.stringify(id)).join(', ')}`,
    todo: 'Keep the right one, delete the others, and call `await store.init()`.',
  }));
}

interface DuplicateRecords {
  readonly _id: SecretRef;
  readonly ids: readonly unknown[];
}

/** The addresses that have several records, with the `_id`s of their documents. @internal */
export async function duplicateRecords(
  collection: MongoCollection,
  { read }: CommandOptions,
  more: object[] = [],
): Promise<DuplicateRecords[]> {
  const address = { tenantId: '$tenantId', provider: '$provider' };
  const pipeline = [
    { $match: IS_RECORD },
    { $group: { _id: address, ids: { $push: '$_id' }, count: { $sum: 1 } } },
    { $match: { count: { $gt: 1 } } },
    ...more,
  ];
  const groups = collection.aggregate(pipeline, { ...read, allowDiskUse: true });
  return (await groups.toArray()) as DuplicateRecords[];
}

function hasKeys({ key }: IndexDescription, keys: object): boolean {
  return JSON.stringify(key) === JSON.stringify(keys);
}

/** Why an index does not keep the addresses of records unique, or cannot serve to find them. */
function faultsOf(index: IndexDescription): string[] {
  if (!hasKeys(index, ADDRESS_KEYS)) return ['is on other fields than tenantId and provider'];
  const { unique, sparse, hidden, partialFilterExpression: filter = IS_RECORD } = index;
  const collation = describeCollation(index);
  return [
    ...(unique ? [] : ['is not unique']),
    // An index over all documents keeps records unique, too.
    ...(isDeepStrictEqual(filter, IS_RECORD) ? [] : ['leaves out records by its partial filter']),
    ...(sparse ? ['is sparse'] : []),
    ...(hidden ? ['is hidden'] : []),
    ...(collation === undefined ? [] : [`has the collation ${collation}`]),
  ];
}

// A collection without any index, not even one on _id, does not exist.
async function listIndexes(collection: MongoCollection): Promise<IndexDescription[]> {
  try {
    return (await collection.indexes(READ_CATALOG)) as IndexDescription[];
  } catch (error) {
    if (isNamespaceNotFound(error)) return [];
    throw error;
  }
}
