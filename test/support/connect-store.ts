import { MongoClient } from 'mongodb';
import pg from 'pg';
import { MongoSecretStore, type SecretStore } from 'provider-vault';
import { PostgresSecretStore } from 'provider-vault/postgres';

export interface ConnectedStore {
  readonly store: SecretStore;
  close(): Promise<void>;
}

/** The store at a URI, for workers: MongoDB with the name of a database, or PostgreSQL. */
export async function connectStore(uri: string, database: string): Promise<ConnectedStore> {
  if (uri.startsWith('postgres')) {
    const pool = new pg.Pool({ connectionString: uri, max: 5 });
    pool.on('error', () => {});
    const store = new PostgresSecretStore((text, values) => pool.query(text, values));
    return { store, close: () => pool.end() };
  }
  const client = await MongoClient.connect(uri);
  return { store: new MongoSecretStore(client.db(database)), close: () => client.close() };
}
