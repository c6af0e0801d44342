import { storeError } from '../stores/mongo-errors.ts';
import type { MongoCollection } from '../stores/mongo-types.ts';

/**
 * Where a running application keeps its settings in the clear. MongoDB is built in; implement this
 * for anything else.
 *
 * @public
 */
export interface SettingsSource {
  /** What reports call it. */
  readonly name: string;
  /**
   * Documents in batches, always in the same order: the first of a tenant is the one that counts.
   *
   * @param query - `tenantIds`: documents of other tenants may be left out
   */
  scan(query: SettingsQuery): AsyncIterable<SettingsDocument[]>;
  /** Optional: how many documents there are, for the progress. */
  count?(): Promise<number>;
  /**
   * Removes fields of documents, each only where it still has the value that was read.
   *
   * @returns for each document, the names of the fields that it no longer has with that value
   */
  erase(erasures: readonly SettingsErasure[]): Promise<readonly (readonly string[])[]>;
}

/**
 * What {@link SettingsSource.scan} goes through.
 *
 * @public
 */
export interface SettingsQuery {
  /** Documents per batch, at most. */
  readonly batchSize: number;
  /** The fields that will be looked at. */
  readonly fields: readonly string[];
  /** Only documents of these tenants are needed. */
  readonly tenantIds?: readonly string[];
}

/**
 * One document of settings.
 *
 * @public
 */
export interface SettingsDocument {
  /** Its id in the source, of any type. */
  readonly id: unknown;
  /** The document, at least with the fields asked for and what tells its tenant. */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Fields to remove from one document, with the values that were read.
 *
 * @public
 */
export interface SettingsErasure {
  readonly id: unknown;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Settings in a collection of MongoDB.
 *
 * @internal
 */
export class MongoSettingsSource implements SettingsSource {
  readonly name: string;
  readonly #collection: MongoCollection;
  readonly #filter: object;
  readonly #tenantField: string | undefined;

  /**
   * @param filter - which documents are settings
   * @param tenantField - the field that holds the tenant, where a query by tenant can use it
   */
  constructor(
    collection: MongoCollection,
    name: string,
    filter: object,
    tenantField: string | undefined,
  ) {
    this.#collection = collection;
    this.name = collection.collectionName ?? name;
    this.#filter = filter;
    this.#tenantField = tenantField;
  }

  /** {@inheritDoc SettingsSource.scan} */
  async *scan({ batchSize, tenantIds }: SettingsQuery): AsyncIterable<SettingsDocument[]> {
    const filter =
      tenantIds === undefined || this.#tenantField === undefined
        ? this.#filter
        : { ...this.#filter, [this.#tenantField]: { $in: await idsOfAnyType(tenantIds) } };
    const options = { sort: { _id: 1 }, batchSize };
    let batch: SettingsDocument[] = [];
    try {
      for await (const document of this.#collection.find(filter, options)) {
        const values = document as Record<string, unknown>;
        batch.push({ id: values._id, values });
        if (batch.length === batchSize) {
          yield batch;
          batch = [];
        }
      }
    } catch (error) {
      throw storeError(error, 'reading the settings');
    }
    if (batch.length > 0) yield batch;
  }

  /** {@inheritDoc SettingsSource.count} */
  async count(): Promise<number> {
    try {
      return await this.#collection.countDocuments(this.#filter);
    } catch (error) {
      throw storeError(error, 'counting the settings');
    }
  }

  /** {@inheritDoc SettingsSource.erase} */
  async erase(erasures: readonly SettingsErasure[]): Promise<string[][]> {
    if (erasures.length === 0) return [];
    try {
      // All fields of a document in one update, if none has changed since they were read …
      const whole = erasures.map(({ id, fields }) => unsetWhereEqual(id, fields));
      const { matchedCount } = (await this.#collection.bulkWrite(whole, { ordered: false })) as {
        matchedCount: number;
      };
      const all = erasures.map(({ fields }) => Object.keys(fields));
      if (matchedCount === erasures.length) return all;
      // … else field by field, and a look at what is left.
      const single = erasures.flatMap(({ id, fields }) =>
        Object.entries(fields).map(([field, value]) => unsetWhereEqual(id, { [field]: value })),
      );
      await this.#collection.bulkWrite(single, { ordered: false });
      const left = await this.#remaining(erasures.map(({ id }) => id));
      return erasures.map(({ id, fields }) => {
        const now = left.get(String(id)) ?? {};
        return Object.keys(fields).filter((field) => !Object.hasOwn(now, field));
      });
    } catch (error) {
      throw storeError(error, 'erasing plaintext');
    }
  }

  async #remaining(ids: readonly unknown[]): Promise<Map<string, object>> {
    const documents = await this.#collection.find({ _id: { $in: ids } }).toArray();
    return new Map(
      documents.map((document) => [String((document as { _id: unknown })._id), document]),
    );
  }
}

function unsetWhereEqual(id: unknown, fields: Readonly<Record<string, unknown>>): object {
  const $unset = Object.fromEntries(Object.keys(fields).map((field) => [field, '']));
  return { updateOne: { filter: { _id: id, ...fields }, update: { $unset } } };
}

// A tenant is a string here; in the settings it may be a number or an ObjectId.
async function idsOfAnyType(tenantIds: readonly string[]): Promise<unknown[]> {
  const ids: unknown[] = tenantIds.flatMap((id) =>
    /^\d{1,15}$/.test(id) ? [id, Number(id)] : [id],
  );
  const hex = tenantIds.filter((id) => /^[0-9a-f]{24}$/i.test(id));
  if (hex.length > 0) {
    const { ObjectId } = await import('mongodb');
    for (const id of hex) ids.push(new ObjectId(id));
  }
  return ids;
}
