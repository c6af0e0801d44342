import { isVaultError } from 'provider-vault';
import { type OpenStore, SERVER_TIMEOUT_MS } from '../open-store.ts';
import { type Check, fail, pass, warn } from './check.ts';

/**
 * Whether the store can be read: a read, not a ping, which a server answers without a login.
 *
 * @internal
 */
export async function checkReachable({ store, name, file }: OpenStore): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(() => resolve('timeout'), SERVER_TIMEOUT_MS);
  });
  try {
    const read = store.get({ tenantId: 'default', provider: 'doctor' });
    if ((await Promise.race([read, timeout])) !== 'timeout')
      return pass('store', `${name} can be read`);
    return fail('store', `${name} did not answer in ${SERVER_TIMEOUT_MS / 1000} s`, REACH);
  } catch (error) {
    if (!isVaultError(error)) throw error;
    const failed = file
      ? 'Restore it from a backup, or name another.'
      : 'Check the login and its rights.';
    const detail = error.code === 'ERR_STORE_UNAVAILABLE' ? REACH : failed;
    return fail('store', `${name} cannot be read: ${error.message}`, detail);
  } finally {
    clearTimeout(timer);
  }
}

const REACH = 'Check that the server runs, its address, and the network between.';

interface IndexDescription {
  readonly name?: string;
  readonly key: object;
  readonly unique?: boolean;
  readonly partialFilterExpression?: object;
}

/** Whether the unique index is there, and is the right one. @internal */
export async function checkIndex({ mongo }: OpenStore): Promise<Check[]> {
  if (mongo === undefined) return [];
  const indexes = await indexesOf(mongo.db.collection(mongo.collection));
  const index = indexes.find(({ key }) => JSON.stringify(key) === '{"tenantId":1,"provider":1}');
  if (index === undefined) {
    const text = `${mongo.collection} has no index on tenantId and provider`;
    return [warn('index', text, 'Call `await store.init()` when your backend starts.')];
  }
  const wrong = [
    ...(index.unique ? [] : ['not unique']),
    ...(index.partialFilterExpression ? [] : ['not partial']),
  ];
  if (wrong.length === 0) return [pass('index', `${index.name} is unique over all records`)];
  const repair = `Drop it, and call \`await store.init()\`: db.${mongo.collection}.dropIndex("${index.name}")`;
  return [fail('index', `index ${index.name} is ${wrong.join(' and ')}`, repair)];
}

async function indexesOf(collection: {
  indexes(): Promise<IndexDescription[]>;
}): Promise<IndexDescription[]> {
  const NAMESPACE_NOT_FOUND = 26;
  try {
    return await collection.indexes();
  } catch (error) {
    if ((error as { code?: unknown }).code === NAMESPACE_NOT_FOUND) return [];
    throw error;
  }
}
