import type { CommandStartedEvent, Document } from 'mongodb';

/** The commands that a client sends by itself, or that read indexes and options and touch no document. */
const WITHOUT_DOCUMENTS = new Set([
  ...['hello', 'ping', 'endSessions', 'killCursors', 'getMore'],
  ...['listIndexes', 'listCollections', 'createIndexes'],
]);

/**
 * Whether a mongos would send a command to the shards that own its documents only: each of its filters
 * bounds the first field of the shard key, and each of its documents has it. An upsert needs an equality on
 * the whole key. `undefined` for a command that touches no document.
 *
 * @param key - the fields of the shard key, in order
 */
export function isTargeted(
  { commandName, command }: CommandStartedEvent,
  key: readonly string[],
): boolean | undefined {
  if (WITHOUT_DOCUMENTS.has(commandName)) return undefined;
  const { filter, query, documents, updates, deletes, pipeline } = command as Document;
  const filters: Document[] = [];
  for (const update of updates ?? []) {
    if (update.upsert && !key.every((field) => isEquality(update.q[field]))) return false;
    filters.push(update.q);
  }
  for (const deletion of deletes ?? []) filters.push(deletion.q);
  for (const document of documents ?? []) {
    if (!key.every((field) => isEquality(document[field]))) return false;
  }
  if (pipeline !== undefined) filters.push(pipeline[0]?.$match ?? {});
  if (['find', 'count', 'distinct'].includes(commandName)) filters.push(filter ?? query ?? {});
  return filters.every((one) => bounds(one, key[0] as string));
}

/** Whether a filter names the values of a field: one, or some. A range may lie on all shards. */
function bounds(filter: Document, field: string): boolean {
  const { [field]: condition, $or } = filter;
  if (isEquality(condition)) return true;
  if (Array.isArray(condition?.$in)) return condition.$in.every(isEquality);
  return Array.isArray($or) && $or.every((branch: Document) => bounds(branch, field));
}

function isEquality(condition: unknown): boolean {
  return typeof condition === 'string' || condition instanceof Date;
}

/** The fields of the shard key that a command would change, which would move a document. */
export function keyChanges(
  { command }: CommandStartedEvent,
  key: readonly string[],
): readonly string[] {
  const updates = (command.updates ?? []) as Document[];
  return updates.flatMap(({ u }) => {
    const changed = Object.entries(u as Document).filter(
      ([operator]) => operator !== '$setOnInsert',
    );
    return changed.flatMap(([, members]) => key.filter((field) => field in members));
  });
}
