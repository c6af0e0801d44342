import type { Db, MongoClient } from 'mongodb';
import { FileSecretStore, MongoSecretStore, type SecretStore } from 'provider-vault';
import { loadPeer } from '../clients/load-peer.ts';
import { UsageError } from './errors.ts';
import { note } from './output.ts';

/** Where records are, as the options of a command name it. @internal */
export interface StoreOptions {
  readonly store?: string;
  readonly database?: string;
  readonly collection?: string;
}

/** A store that a command works on. @internal */
export interface OpenStore {
  readonly store: SecretStore;
  /** The database and the collection, where the store is MongoDB. */
  readonly mongo?: { readonly db: Db; readonly collection: string };
  /** The path, where the store is a file. */
  readonly file?: string;
  /** What it is called in messages: never the URI, which may hold a password. */
  readonly name: string;
}

/** Milliseconds after which a server that does not answer counts as unreachable. @internal */
export const SERVER_TIMEOUT_MS = 5_000;

const DEFAULT_COLLECTION = 'secrets';

/**
 * Opens the store, gives it to `use`, and closes the connection, whatever became of `use`.
 *
 * @throws UsageError when no store is named; VaultError `ERR_PEER_MISSING` without the driver
 * @internal
 */
export async function withStore<T>(
  options: StoreOptions,
  use: (opened: OpenStore) => Promise<T>,
): Promise<T> {
  const location = locationOf(options);
  if (location.startsWith('file:')) return withFile(location.slice('file:'.length), options, use);
  return withMongo(location, options, use);
}

function locationOf({ store }: StoreOptions): string {
  const { PROVIDER_VAULT_STORE, MONGO_URL } = process.env;
  const location = store || PROVIDER_VAULT_STORE || MONGO_URL;
  if (!location) {
    throw new UsageError(
      'No store is named. Set MONGO_URL or PROVIDER_VAULT_STORE, or give --store: a MongoDB URI or file:PATH.',
    );
  }
  if (store !== undefined && /^mongodb.*:\/\/[^/@]*:[^/@]*@/.test(store)) {
    note(
      'Warning: the password in --store can be seen in the process list. Use MONGO_URL or PROVIDER_VAULT_STORE.',
    );
  }
  return location;
}

async function withFile<T>(
  path: string,
  { database, collection }: StoreOptions,
  use: (opened: OpenStore) => Promise<T>,
): Promise<T> {
  if (path === '') throw new UsageError('The store "file:" needs a path: file:./secrets.json.');
  if (database !== undefined || collection !== undefined) {
    throw new UsageError('--database and --collection are for MongoDB, not for a file.');
  }
  return use({ store: new FileSecretStore(path), file: path, name: `file ${path}` });
}

async function withMongo<T>(
  uri: string,
  { database = databaseIn(uri), collection = DEFAULT_COLLECTION }: StoreOptions,
  use: (opened: OpenStore) => Promise<T>,
): Promise<T> {
  if (!/^mongodb(\+srv)?:\/\//.test(uri)) {
    throw new UsageError('The store must be a MongoDB URI (mongodb://…) or file:PATH.');
  }
  if (!database) {
    throw new UsageError(
      'No database is named: put it into the URI (mongodb://host/DATABASE) or give --database.',
    );
  }
  const { MongoClient } = await loadPeer('mongodb', () => import('mongodb'));
  const client = newClient(MongoClient, uri);
  const db = client.db(database);
  try {
    return await use({
      store: new MongoSecretStore(db, { collection }),
      mongo: { db, collection },
      name: `MongoDB ${database}.${collection}`,
    });
  } finally {
    await client.close();
  }
}

function newClient(Client: typeof MongoClient, uri: string): MongoClient {
  const named = /serverSelectionTimeoutMS=/i.test(uri);
  try {
    return new Client(uri, {
      appName: 'provider-vault',
      ...(!named && { serverSelectionTimeoutMS: SERVER_TIMEOUT_MS }),
    });
  } catch {
    // The driver's message may quote the URI.
    throw new UsageError('The store is not a valid MongoDB URI.');
  }
}

// The database of the URI's path. No host, and no encoded password, holds a slash.
function databaseIn(uri: string): string | undefined {
  const name = /^[^/]+:\/\/[^/]+\/([^?]+)/.exec(uri)?.[1];
  return name === undefined ? undefined : decodeURIComponent(name);
}
