import { isNamespaceNotFound, isUnauthorized } from './errors.ts';
import type { MongoCollection } from './types.ts';

/**
 * The options of every command, whatever the connection, database or collection is set to.
 *
 * @internal
 */
export interface CommandOptions {
  readonly read: object;
  /** {@link CommandOptions.read}, without the history: who needs the history may write next. */
  readonly readCurrent: object;
  readonly write: object;
  /** For an unordered bulk write; each of its operations needs `collation`, too. */
  readonly bulk: object;
  /** `{ collation }` where the collection has a default collation to be overruled, else `{}`. */
  readonly collation: object;
}

// A record looks the same through every connection.
const ENCODING = {
  raw: false,
  fieldsAsRaw: {},
  promoteValues: true,
  promoteLongs: true,
  promoteBuffers: false, // a Buffer has lost its subtype: an _id of that type would not match again
  useBigInt64: false,
  bsonRegExp: false,
  serializeFunctions: false,
  ignoreUndefined: true,
  enableUtf8Validation: true,
};

/** Of commands that read indexes and the options of a collection. @internal */
export const READ_CATALOG = { ...ENCODING, readPreference: 'primary' };

function commandOptions(collation: object): CommandOptions {
  // Acknowledged once no failover can lose it; without an acknowledgement, nobody knows who won.
  const write = { ...ENCODING, writeConcern: { w: 'majority', j: true } };
  // A secondary may lack what this process has just written.
  const read = { ...READ_CATALOG, readConcern: { level: 'local' }, ...collation };
  return {
    read,
    readCurrent: { ...read, projection: { history: 0, _id: 0 } },
    write: { ...write, ...collation },
    bulk: { ...write, ordered: false },
    collation,
  };
}

const PLAIN = commandOptions({});
const SIMPLE = commandOptions({ collation: { locale: 'simple' } });

/**
 * How to use a collection so that strings are compared by code point. Only a collection with a
 * default collation needs it: some servers, such as FerretDB, do not support collations.
 *
 * @returns `undefined` as long as the collection does not exist: it can still get a collation
 * @internal
 */
export async function optionsFor(collection: MongoCollection): Promise<CommandOptions | undefined> {
  try {
    return describeCollation(await collection.options(READ_CATALOG)) ? SIMPLE : PLAIN;
  } catch (error) {
    if (isNamespaceNotFound(error)) return undefined;
    if (isUnauthorized(error)) return SIMPLE;
    throw error;
  }
}

/** Before the collection exists. @internal */
export const OPTIONS_OF_NONE = PLAIN;

/** The locale of a collection's or an index's collation; `undefined` for the simple one. @internal */
export function describeCollation({ collation }: { collation?: unknown }): string | undefined {
  const { locale } = (collation ?? {}) as { locale?: unknown };
  return locale === undefined || locale === 'simple' ? undefined : JSON.stringify(locale);
}
