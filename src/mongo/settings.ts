import type {
  SettingsDocument,
  SettingsErasure,
  SettingsQuery,
  SettingsSource,
} from '../migration/settings-source.ts';
import { describeType } from '../names.ts';
import type { CommandOptions } from './command-options.ts';
import { checkCollection, duplicateRecords, hasIndex } from './indexes.ts';
import { batchesOf, type MongoRun } from './run.ts';
import type { MongoCollection } from './types.ts';
import { IS_RECORD } from './writes.ts';

/** @internal */
export interface MongoSettingsOptions {
  /** The field that holds the tenant, if it is one field. */
  readonly tenantField: string | undefined;
  /** Whether sealed records are in the same collection: they are not settings. */
  readonly holdsRecords: boolean;
}

type Values = Readonly<Record<string, unknown>>;
type ObjectIdClass = new (hex: string) => unknown;

const RECORD_MEMBERS = ['tenantId', 'provider', 'data'];
// The documents in the collection of the records that a store does not find [L2] [L7].
const NOT_RECORDS = { $nor: [IS_RECORD] };
const UNSET = [null, '', false, /^\s*$/];
const AFTER_ALL = 'duplicates';

/**
 * Settings in a collection of MongoDB.
 *
 * @internal
 */
export class MongoSettingsSource implements SettingsSource {
  readonly name: string;
  readonly #run: MongoRun;
  readonly #tenantField: string | undefined;
  readonly #holdsRecords: boolean;
  #objectId: ObjectIdClass | undefined;

  constructor(run: MongoRun, name: string, { tenantField, holdsRecords }: MongoSettingsOptions) {
    this.#run = run;
    this.name = name;
    this.#tenantField = tenantField;
    this.#holdsRecords = holdsRecords;
  }

  async *scan(query: SettingsQuery): AsyncIterable<SettingsDocument[]> {
    const { batchSize, fields, after } = query;
    if (after === AFTER_ALL) return;
    const members = [...fields, ...(this.#holdsRecords ? RECORD_MEMBERS : [])];
    const projection = this.#tenantField && projectionOf([this.#tenantField, ...members]);
    const find = async (collection: MongoCollection, { read }: CommandOptions) =>
      collection.find(await this.#filter(collection, read, query), {
        ...read,
        sort: { _id: 1 },
        batchSize,
        ...(projection && { projection }),
      });
    for await (const batch of batchesOf(this.#run, 'reading the settings', find)) {
      yield batch.map((document) => this.#toDocument(document as Values));
    }
    const isWhole = fields.length > 0 && (query.tenantIds ?? query.ids) === undefined;
    if (this.#holdsRecords && isWhole) yield await this.#duplicates();
  }

  async findsTenants(): Promise<boolean> {
    const field = this.#tenantField;
    if (field === undefined) return false;
    // Without the right to list indexes, read everything: that works without an index, too.
    return this.#run('listing the indexes', (collection) =>
      hasIndex(collection, { [field]: 1 }).catch(() => false),
    );
  }

  async count(): Promise<number> {
    const filter = this.#holdsRecords ? NOT_RECORDS : {};
    return this.#run('counting the settings', (collection, { read }) =>
      collection.countDocuments(filter, read),
    );
  }

  async erase(erasures: readonly SettingsErasure[]): Promise<string[][]> {
    if (erasures.length === 0) return [];
    return this.#run('erasing plaintext', async (collection, { read, bulk, collation }) => {
      const unsetWhereEqual = (id: unknown, fields: Values) => {
        const $unset = Object.fromEntries(Object.keys(fields).map((field) => [field, '']));
        return { updateOne: { filter: { _id: id, ...fields }, update: { $unset }, ...collation } };
      };
      // All fields of a document in one update, if none has changed since they were read …
      const whole = erasures.map(({ id, fields }) => unsetWhereEqual(id, fields));
      const { matchedCount } = (await collection.bulkWrite(whole, bulk)) as {
        matchedCount: number;
      };
      const names = erasures.map(({ fields }) => Object.keys(fields));
      if (matchedCount === erasures.length) return names;
      // … else field by field, and a look at what is left.
      const single = erasures.flatMap(({ id, fields }) =>
        Object.entries(fields).map(([field, value]) => unsetWhereEqual(id, { [field]: value })),
      );
      await collection.bulkWrite(single, bulk);
      return Promise.all(
        erasures.map(async ({ id }, at) => {
          const own = names[at] as string[];
          const options = { ...read, projection: projectionOf(own) };
          const left = (await collection.findOne({ _id: id }, options)) ?? {};
          return own.filter((name) => !Object.hasOwn(left, name));
        }),
      );
    });
  }

  async #filter(
    collection: MongoCollection,
    read: object,
    { fields, tenantIds, ids, after }: SettingsQuery,
  ): Promise<object> {
    const tenantField = this.#tenantField;
    const conditions: object[] = [];
    if (this.#holdsRecords) {
      const plaintext = fields
        .filter((field) => !RECORD_MEMBERS.includes(field))
        .map((field) => ({ [field]: { $nin: UNSET } }));
      conditions.push({ $or: [NOT_RECORDS, ...plaintext] });
    }
    if (ids !== undefined) {
      conditions.push({ _id: { $in: ids } });
    } else if (tenantIds !== undefined && tenantField !== undefined) {
      // A tenant is a string here; in the settings it may be a number or an ObjectId.
      const numbers = tenantIds.filter((id) => /^-?\d{1,15}$/.test(id)).map(Number);
      const hex = tenantIds.filter((id) => /^[0-9a-f]{24}$/.test(id));
      const objectIds = await this.#toObjectIds(collection, read, tenantField, hex);
      conditions.push({ [tenantField]: { $in: [...tenantIds, ...numbers, ...objectIds] } });
    }
    if (after !== undefined) conditions.push(await this.#isAfter(collection, read, after));
    return conditions.length > 0 ? { $and: conditions } : {};
  }

  /** The condition for documents after a `place`; an index compares ids of one type only. */
  async #isAfter(collection: MongoCollection, read: object, place: string): Promise<object> {
    const [type = '', text = ''] = /^(string|number|objectId):(.*)$/s.exec(place)?.slice(1) ?? [];
    if (type === '') return {};
    let id: unknown = type === 'number' ? Number(text) : text;
    if (type === 'objectId') [id] = await this.#toObjectIds(collection, read, '_id', [text]);
    const others = { _id: { $not: { $type: type } } };
    return id === undefined ? others : { $or: [{ _id: { $gt: id } }, others] };
  }

  // The class comes from a stored id: the connection may belong to another driver than the one that
  // this package would find. Where no id is stored, none can be equal.
  async #toObjectIds(
    collection: MongoCollection,
    read: object,
    field: string,
    hex: readonly string[],
  ): Promise<unknown[]> {
    if (hex.length === 0) return [];
    if (this.#objectId === undefined) {
      const options = { ...read, projection: projectionOf([field]) };
      const found = await collection.findOne({ [field]: { $type: 'objectId' } }, options);
      const id = (found as Readonly<Record<string, object>> | null)?.[field];
      this.#objectId = id?.constructor as ObjectIdClass | undefined;
    }
    const ObjectId = this.#objectId;
    return ObjectId === undefined ? [] : hex.map((text) => new ObjectId(text));
  }

  #toDocument(values: Values): SettingsDocument {
    const { _id: id } = values;
    const type = isObjectId(id) ? 'objectId' : typeof id;
    const problem = this.#holdsRecords ? problemOf(values) : undefined;
    return { id, values, place: `${type}:${id}`, ...(problem !== undefined && { problem }) };
  }

  /** The records that share their address with others, where no unique index prevents that. */
  async #duplicates(): Promise<SettingsDocument[]> {
    const groups = await this.#run('finding duplicates', async (collection, options) =>
      (await checkCollection(collection)).length === 0 ? [] : duplicateRecords(collection, options),
    );
    return groups.flatMap(({ _id, ids }) => {
      const problem = `one of ${ids.length} records of tenant "${_id.tenantId}" for provider "${_id.provider}"`;
      return ids.map((id) => ({ id, values: {}, place: AFTER_ALL, problem }));
    });
  }
}

/** Why a document among the records is neither a record nor a plaintext document [L7]. */
function problemOf({ tenantId, provider, data }: Values): string | undefined {
  const problems = Object.entries({ tenantId, provider })
    .filter(([, value]) => typeof value !== 'string' || value === '')
    .map(([name, value]) => `its ${name} is ${kindOf(value)}`);
  if (problems.length === 0) return 'plaintext beside a sealed record';
  const hasNeither = (tenantId ?? null) === null && (provider ?? null) === null;
  if (hasNeither && data === undefined) return undefined;
  return `not a record: ${problems.join(' and ')}`;
}

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return 'missing';
  if (value === '') return 'empty';
  if (isObjectId(value)) return 'an ObjectId';
  return typeof value === 'object' ? describeType(value) : `a ${typeof value}`;
}

function isObjectId(value: unknown): boolean {
  return (value as { _bsontype?: unknown } | null | undefined)?._bsontype === 'ObjectId';
}

function projectionOf(fields: readonly string[]): Record<string, 1> {
  return Object.fromEntries(fields.map((field) => [field, 1]));
}
