import { isVaultError } from 'provider-vault';
import { type OpenStore, SERVER_TIMEOUT_MS } from '../open-store.ts';
import { type Check, fail, pass, warn } from './check.ts';

const REACH = 'Check that the server runs, its address, and the network in between.';

/** Whether the store can be read. It reads, because a server answers a ping without a login. */
export async function checkReachable({ store, name, file }: OpenStore): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(() => resolve('timeout'), SERVER_TIMEOUT_MS);
  });
  try {
    const read = store.get({ tenantId: 'default', provider: 'doctor' });
    if ((await Promise.race([read, timeout])) === 'timeout') {
      return fail('store', `${name} did not answer in ${SERVER_TIMEOUT_MS / 1000} s`, REACH);
    }
    return pass('store', `${name} can be read`);
  } catch (error) {
    if (!isVaultError(error)) throw error;
    const repair = file
      ? 'Restore it from a backup, or name another.'
      : 'Check the login and its rights.';
    const todo = error.code === 'ERR_STORE_UNAVAILABLE' ? REACH : repair;
    return fail('store', `${name} cannot be read: ${error.message}`, todo);
  } finally {
    clearTimeout(timer);
  }
}

/** A failure unless the collection or the file exists. */
export async function checkExisting(opened: OpenStore): Promise<Check | undefined> {
  try {
    await opened.requireExisting();
    return undefined;
  } catch (error) {
    if (!isVaultError(error)) throw error;
    const todo =
      'Check the name. `provider-vault init` makes it; so does `provider-vault migrate`.';
    return fail('store', `${opened.name} does not exist`, todo);
  }
}

/** Whether the unique index exists, is the right one, and no record is duplicated. */
export async function checkIndex({ mongo }: OpenStore): Promise<Check[]> {
  if (mongo === undefined) return [];
  const problems = await mongo.store.check();
  if (problems.length === 0)
    return [pass('index', 'records are unique, and found by their lookup fields')];
  return problems.map(({ kind, text, todo }) =>
    kind === 'no-index' || kind === 'no-lookup-index'
      ? warn('index', text, '`provider-vault init` makes it, and so does `await store.init()`.')
      : fail(kind, text, todo),
  );
}
