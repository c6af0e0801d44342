import { batchesOf, type MongoRun } from '../stores/mongo-run.ts';
import type { MongoCollection } from '../stores/mongo-types.ts';
import type {
  SettingsDocument,
  SettingsErasure,
  SettingsQuery,
  SettingsSource,
} from './settings-source.ts';

/**
 * Settings in a collection of MongoDB.
 *
 * @internal
 */
export class MongoSettingsSource implements SettingsSource {
  readonly name: string;
  readonly #run: MongoRun;
  readonly #filter: object;
  readonly #tenantField: string | undefined;

  /**
   * @param filter - which documents are settings
   * @param tenantField - the field that holds the tenant, if it is one field
   */
  constructor(run: MongoRun, name: string, filter: object, tenantField: string | undefined) {
    this.#run = run;
    this.name = name;
    this.#filter = filter;
    this.#tenantField = tenantField;
  }

  /** {@inheritDoc SettingsSource.scan} */
  async *scan({ batchSize, fields, tenantIds }: SettingsQuery): AsyncIterable<SettingsDocument[]> {
    const tenantField = this.#tenantField;
    const find = async (collection: MongoCollection) => {
      const filter =
        tenantIds === undefined || tenantField === undefined
          ? this.#filter
          : { ...this.#filter, [tenantField]: { $in: await idsOfAnyType(tenantIds) } };
      const projection = tenantField && projectionOf([tenantField, ...fields]);
      return collection.find(filter, {
        sort: { _id: 1 },
        batchSize,
        ...(projection && { projection }),
      });
    };
    for await (const batch of batchesOf(this.#run, 'reading the settings', find, batchSize)) {
      yield batch.map((document) => {
        const values = document as Record<string, unknown>;
        return { id: values._id, values };
      });
    }
  }

  /** {@inheritDoc SettingsSource.count} */
  async count(): Promise<number> {
    return this.#run('counting the settings', (collection) =>
      collection.countDocuments(this.#filter),
    );
  }

  /** {@inheritDoc SettingsSource.erase} */
  async erase(erasures: readonly SettingsErasure[]): Promise<string[][]> {
    if (erasures.length === 0) return [];
    return this.#run('erasing plaintext', async (collection) => {
      // All fields of a document in one update, if none has changed since they were read …
      const whole = erasures.map(({ id, fields }) => unsetWhereEqual(id, fields));
      const { matchedCount } = (await collection.bulkWrite(whole, { ordered: false })) as {
        matchedCount: number;
      };
      const all = erasures.map(({ fields }) => Object.keys(fields));
      if (matchedCount === erasures.length) return all;
      // … else field by field, and a look at what is left.
      const single = erasures.flatMap(({ id, fields }) =>
        Object.entries(fields).map(([field, value]) => unsetWhereEqual(id, { [field]: value })),
      );
      await collection.bulkWrite(single, { ordered: false });
      return await Promise.all(
        erasures.map(async ({ id, fields }) => {
          const names = Object.keys(fields);
          const projection = projectionOf(names);
          const left = (await collection.findOne({ _id: id }, { projection })) ?? {};
          return names.filter((name) => !Object.hasOwn(left, name));
        }),
      );
    });
  }
}

function projectionOf(fields: readonly string[]): Record<string, 1> {
  return Object.fromEntries(fields.map((field) => [field, 1]));
}

function unsetWhereEqual(id: unknown, fields: Readonly<Record<string, unknown>>): object {
  const $unset = Object.fromEntries(Object.keys(fields).map((field) => [field, '']));
  return { updateOne: { filter: { _id: id, ...fields }, update: { $unset } } };
}

// A tenant is a string here; in the settings it may be a number or an ObjectId.
async function idsOfAnyType(tenantIds: readonly string[]): Promise<unknown[]> {
  const ids: unknown[] = tenantIds.flatMap((id) =>
    /^-?\d{1,15}$/.test(id) ? [id, Number(id)] : [id],
  );
  const hex = tenantIds.filter((id) => /^[0-9a-f]{24}$/.test(id));
  if (hex.length > 0) {
    const { ObjectId } = await import('mongodb');
    for (const id of hex) ids.push(new ObjectId(id));
  }
  return ids;
}
