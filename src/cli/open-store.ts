import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Db, MongoClient } from 'mongodb';
import {
  FileSecretStore,
  isVaultError,
  MongoSecretStore,
  type SecretStore,
  VaultError,
} from 'provider-vault';
import type { PostgresQuery } from 'provider-vault/postgres';
import { peerError } from '../clients/load-peer.ts';
import { UsageError } from './errors.ts';
import { note } from './output.ts';

/** Where the records are, as the options of a command name it. */
export interface StoreOptions {
  /** `undefined`: the environment says. */
  readonly store?: string;
  readonly database?: string;
  readonly collection?: string;
}

export interface OpenDatabase {
  readonly db: Db;
  readonly store: MongoSecretStore;
  /** The collection of the records. */
  readonly collection: string;
  /**
   * @param todo - what to do if the database has no such collection
   * @throws VaultError `ERR_STORE_FAILED`
   */
  requireCollection(name: string, todo: string): Promise<void>;
}

export interface OpenPostgres {
  readonly query: PostgresQuery;
  /**
   * @param read - reads something of the table
   * @param todo - what to do if the database has no such table
   * @throws VaultError `ERR_STORE_FAILED`
   */
  requireTable(table: string, read: () => Promise<unknown>, todo: string): Promise<void>;
}

/** The store that a command works on. */
export interface OpenStore {
  readonly store: SecretStore;
  /** The connection, where the store is PostgreSQL. */
  readonly postgres?: OpenPostgres;
  /** The database and the collection, where the store is MongoDB. */
  readonly mongo?: OpenDatabase;
  /** The path, where the store is a file. */
  readonly file?: string;
  /** Its name in messages: never the URI, which may hold a password. */
  readonly name: string;
  /**
   * Rejects unless the collection or the file exists: a misspelt name must not look like an empty
   * vault.
   *
   * @throws VaultError `ERR_STORE_FAILED`
   */
  requireExisting(): Promise<void>;
}

/** Milliseconds after which a server that does not answer counts as unreachable. */
export const SERVER_TIMEOUT_MS = 5_000;

const DEFAULT_COLLECTION = 'secrets';
const UNDEFINED_TABLE = '42P01'; // PostgreSQL's code
const INIT = 'Check the name, or make it with `provider-vault init`.';

/**
 * Opens the store that exists, calls `use`, and closes the connection even if `use` fails.
 *
 * @throws UsageError when no store is named; VaultError `ERR_STORE_FAILED` when it does not exist,
 * `ERR_PEER_MISSING` without the driver
 */
export async function withStore<T>(
  options: StoreOptions,
  use: (opened: OpenStore) => Promise<T>,
): Promise<T> {
  return withPlace(options, async (opened) => {
    await opened.requireExisting();
    return use(opened);
  });
}

/** The store that a command copies into, as its options name it. */
export interface TargetOptions {
  readonly to?: string;
  readonly toDatabase?: string;
  readonly toCollection?: string;
}

/** {@link withStore} for the target of a copy. */
export async function withTarget<T>(
  { to, toDatabase: database, toCollection: collection }: TargetOptions,
  use: (opened: OpenStore) => Promise<T>,
): Promise<T> {
  const location = to || process.env.PROVIDER_VAULT_TO;
  if (!location) throw new UsageError('No target is named. Give --to, or set PROVIDER_VAULT_TO.');
  warnOfPassword(to, '--to', 'PROVIDER_VAULT_TO');
  const names = { ...(database && { database }), ...(collection && { collection }) };
  return openPlace(location, names, async (opened) => {
    await opened.requireExisting();
    return use(opened);
  });
}

/** {@link withStore} for a store that need not exist. */
export async function withPlace<T>(
  options: StoreOptions,
  use: (opened: OpenStore) => Promise<T>,
): Promise<T> {
  return openPlace(locationOf(options), options, use);
}

async function openPlace<T>(
  location: string,
  options: StoreOptions,
  use: (opened: OpenStore) => Promise<T>,
): Promise<T> {
  if (location.startsWith('file:')) return use(openFile(location, options));
  if (/^postgres(ql)?:\/\//.test(location)) return withPostgres(location, options, use);
  return withMongo(location, options, use);
}

function locationOf({ store }: StoreOptions): string {
  const { PROVIDER_VAULT_STORE, MONGO_URL } = process.env;
  const location = store || PROVIDER_VAULT_STORE || MONGO_URL;
  if (!location) {
    throw new UsageError(
      'No store is named. Set MONGO_URL or PROVIDER_VAULT_STORE, or give --store: the URI of MongoDB or PostgreSQL, or file:PATH.',
    );
  }
  warnOfPassword(store, '--store', 'MONGO_URL or PROVIDER_VAULT_STORE');
  return location;
}

function warnOfPassword(location: string | undefined, option: string, instead: string): void {
  if (location === undefined || !/^(mongodb|postgres).*:\/\/[^/@]*:[^/@]*@/.test(location)) return;
  note(
    `Warning: everybody on this machine can see the password in ${option} in the process list. Use ${instead}.`,
  );
}

function openFile(location: string, { database, collection }: StoreOptions): OpenStore {
  const path = filePath(location);
  if (database !== undefined || collection !== undefined) {
    throw new UsageError('--database and --collection are for a database, not for a file.');
  }
  const name = `file ${path}`;
  return {
    store: new FileSecretStore(path),
    file: path,
    name,
    requireExisting: async () => {
      const exists = await stat(path).then(
        () => true,
        ({ code }) => code !== 'ENOENT', // the store says what else is wrong with it
      );
      if (!exists) throw missing(`The ${name} does not exist.`, INIT);
    },
  };
}

// file:PATH is a path as it is; file:///PATH is a URL.
function filePath(location: string): string {
  const path = location.slice('file:'.length);
  if (path === '') throw new UsageError('The store "file:" needs a path: file:./secrets.json.');
  if (!path.startsWith('//')) return path;
  try {
    if (/^\/\/(localhost)?\//.test(path)) return fileURLToPath(location);
  } catch {
    // a malformed escape
  }
  throw new UsageError(
    'After "file://" comes a host, not a path. Write file:secrets.json, or file:///absolute/path.',
  );
}

async function withMongo<T>(
  uri: string,
  { database = databaseIn(uri), collection = DEFAULT_COLLECTION }: StoreOptions,
  use: (opened: OpenStore) => Promise<T>,
): Promise<T> {
  if (!/^mongodb(\+srv)?:\/\//.test(uri)) {
    throw new UsageError(
      'The store must be a URI of MongoDB (mongodb://…) or PostgreSQL (postgres://…), or file:PATH.',
    );
  }
  if (!database) {
    throw new UsageError(
      'No database is named: put it into the URI (mongodb://host/DATABASE) or give --database.',
    );
  }
  const client = await newClient(uri);
  const db = client.db(database);
  const store = new MongoSecretStore(db, { collection });
  const requireCollection = async (name: string, todo: string) => {
    await store.get({ tenantId: 'default', provider: 'custom' }); // says if the server is away
    const names = await collectionNames(db);
    if (names.includes(name)) return;
    const what =
      names.length === 0 ? 'does not exist, or has no collections' : `has no collection "${name}"`;
    throw missing(`Database "${database}" ${what}.`, todo);
  };
  try {
    return await use({
      store,
      mongo: { db, store, collection, requireCollection },
      name: `MongoDB ${database}.${collection}`,
      requireExisting: () => requireCollection(collection, INIT),
    });
  } finally {
    await client.close();
  }
}

async function withPostgres<T>(
  uri: string,
  { database, collection: table = DEFAULT_COLLECTION }: StoreOptions,
  use: (opened: OpenStore) => Promise<T>,
): Promise<T> {
  if (database !== undefined) {
    throw new UsageError(
      '--database is for MongoDB. Put it into the URI: postgres://host/DATABASE.',
    );
  }
  if (!URL.canParse(uri)) throw invalidUri('PostgreSQL');
  const { PostgresSecretStore } = await import('provider-vault/postgres');
  const { default: pg } = await import('pg').catch((error) => {
    throw peerError('pg', error);
  });
  const pool = new pg.Pool({
    connectionString: uri,
    application_name: 'provider-vault',
    connectionTimeoutMillis: SERVER_TIMEOUT_MS,
  });
  pool.on('error', () => {}); // an idle connection; the next call says if the server is away
  try {
    const query: PostgresQuery = (text, values) => pool.query(text, values);
    const store = new PostgresSecretStore(query, { table });
    const read = () => store.get({ tenantId: 'default', provider: 'custom' });
    return await use({
      store,
      postgres: { query, requireTable },
      name: `PostgreSQL table ${table}`,
      requireExisting: () => requireTable(table, read, INIT),
    });
  } finally {
    await pool.end();
  }
}

const requireTable: OpenPostgres['requireTable'] = async (table, read, todo) => {
  try {
    await read();
  } catch (error) {
    const { code } = (isVaultError(error) ? error.cause : {}) as { code?: unknown };
    if (code !== UNDEFINED_TABLE) throw error;
    throw missing(`The database has no table "${table}".`, todo);
  }
};

/** @throws VaultError `ERR_STORE_FAILED` */
export async function collectionNames(db: Db): Promise<string[]> {
  try {
    // With these options no rights are needed beyond those on the collections themselves.
    const options = { nameOnly: true, authorizedCollections: true };
    return (await db.listCollections({}, options).toArray()).map(({ name }) => name);
  } catch (error) {
    const { name, code } = error as { name?: string; code?: unknown };
    const what = [name, code].filter(Boolean).join(' ');
    throw new VaultError(
      'ERR_STORE_FAILED',
      `The collections of database "${db.databaseName}" could not be listed (${what}).`,
    );
  }
}

function missing(what: string, todo: string): VaultError {
  return new VaultError('ERR_STORE_FAILED', `${what} ${todo}`);
}

async function newClient(uri: string): Promise<MongoClient> {
  const { MongoClient } = await import('mongodb').catch((error) => {
    throw peerError('mongodb', error);
  });
  const named = /serverSelectionTimeoutMS=/i.test(uri);
  try {
    return new MongoClient(uri, {
      appName: 'provider-vault',
      ...(!named && { serverSelectionTimeoutMS: SERVER_TIMEOUT_MS }),
    });
  } catch {
    throw invalidUri('MongoDB'); // the driver's message may quote the URI
  }
}

// The database is the path of the URI. Neither a host nor an encoded password holds a slash.
function databaseIn(uri: string): string | undefined {
  const name = /^[^/]+:\/\/[^/]+\/([^?]+)/.exec(uri)?.[1];
  try {
    return name === undefined ? undefined : decodeURIComponent(name);
  } catch {
    throw invalidUri('MongoDB');
  }
}

function invalidUri(database: string): UsageError {
  return new UsageError(
    `The store is not a valid URI of ${database}. A special character in a name or a password must be percent-encoded: % is %25, @ is %40.`,
  );
}
