import type { Collection, Db, Document } from 'mongodb';

const CASE_INSENSITIVE = { locale: 'en', strength: 2 };

/** Whether the server knows collations; FerretDB refuses them all. */
export async function knowsCollation(db: Db): Promise<boolean> {
  const options = { collation: CASE_INSENSITIVE };
  return db
    .collection('any')
    .findOne({}, options)
    .then(
      () => true,
      () => false,
    );
}

/**
 * A collection whose default collation ignores case. SecantusDB keeps the default and does not apply
 * it; here every command that names no collation of its own gets it, as mongod would do.
 */
export async function caseInsensitiveCollection(db: Db, name: string): Promise<Collection> {
  const collection = await db.createCollection(name, { collation: CASE_INSENSITIVE });
  const collate = (options: Document = {}) => ({ collation: CASE_INSENSITIVE, ...options });
  const collated: Record<string, unknown> = {
    find: (filter: Document, options?: Document) => collection.find(filter, collate(options)),
    findOne: (filter: Document, options?: Document) => collection.findOne(filter, collate(options)),
    countDocuments: (filter: Document, options?: Document) =>
      collection.countDocuments(filter, collate(options)),
    updateOne: (filter: Document, update: Document, options?: Document) =>
      collection.updateOne(filter, update, collate(options)),
    deleteOne: (filter: Document, options?: Document) =>
      collection.deleteOne(filter, collate(options)),
    bulkWrite: (operations: { updateOne?: Document }[], options?: Document) =>
      collection.bulkWrite(
        operations.map((one) =>
          one.updateOne ? { updateOne: collate(one.updateOne) as never } : (one as never),
        ),
        options,
      ),
  };
  return new Proxy(collection, {
    get(target, name) {
      const member = collated[name as string] ?? target[name as keyof Collection];
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
