import { setTimeout as sleep } from 'node:timers/promises';
import { invalidArgument, VaultError } from '../errors.ts';
import { isSerializationFailure, storeError } from './errors.ts';

/**
 * Runs one statement, with `$1`, `$2`, … in the place of values, on the primary server.
 *
 * Every value is a string or `null`, and every column that is read is text or `null`, so that the
 * ways in which drivers convert types make no difference.
 *
 * @public
 */
export type PostgresQuery = (
  text: string,
  values: (string | null)[],
) => Promise<{ readonly rows: readonly object[] }>;

/**
 * Listens to a channel of `LISTEN`, on a connection that stays open.
 *
 * @param channel - a name of lower-case letters, digits and underscores
 * @param onMessage - gets the payload of each notification
 * @param onGap - to be called when notifications may have been missed, as after a lost connection;
 * with a promise, if it takes a while until the channel is listened to again
 * @returns a function that stops it
 * @public
 */
export type PostgresListen = (
  channel: string,
  onMessage: (payload: string) => void,
  onGap: (restored?: Promise<void>) => void,
) => Promise<() => unknown>;

const MAX_ATTEMPTS = 6;

/** Runs a statement; an error becomes a `VaultError` that names the operation. @internal */
export type PostgresRun = <Row extends object>(
  operation: string,
  text: string,
  values?: (string | null)[],
) => Promise<readonly Row[]>;

/**
 * @param table - its quoted name, for messages
 * @throws VaultError `ERR_INVALID_ARGUMENT` when there is no query function
 * @internal
 */
export function runOn(owner: string, query: PostgresQuery, table: string): PostgresRun {
  if (typeof query !== 'function') {
    throw invalidArgument(`${owner} needs a function query(text, values).`);
  }
  const run = async (operation: string, text: string, values: (string | null)[] = []) => {
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await query(text, values);
        if (Array.isArray(result?.rows)) return result.rows;
      } catch (error) {
        // The statement has changed nothing. In READ COMMITTED only a deadlock comes here.
        const again = isSerializationFailure(error) && attempt < MAX_ATTEMPTS;
        if (!again) throw storeError(error, operation, table);
        await sleep(Math.random() * 20 * 2 ** attempt);
        continue;
      }
      throw new VaultError(
        'ERR_STORE_FAILED',
        'PostgreSQL: the query function must return a promise of { rows }, with an array.',
      );
    }
  };
  return run as PostgresRun;
}
