import { MongoClient } from 'mongodb';
import {
  MemorySecretStore,
  MongoSecretStore,
  type SecretRecord,
  type SecretStore,
} from 'provider-vault';
import { startMongo } from '../../test/support/mongo-server.ts';

export interface DemoStore {
  readonly store: SecretStore;
  /** The store in one line. */
  readonly describe: string;
  /** Puts a record into the database behind the vault's back, as another system would. */
  insertRaw(record: SecretRecord): Promise<void>;
  /** What the database holds, as it is. */
  rawDocuments(): Promise<SecretRecord[]>;
  close(): Promise<void>;
}

/** The embedded MongoDB server of the tests where it can be had, else memory. */
export async function openDemoStore(): Promise<DemoStore> {
  let server: Awaited<ReturnType<typeof startMongo>>;
  try {
    server = await startMongo();
  } catch (error) {
    return memoryStore(error as Error);
  }
  const client = await MongoClient.connect(server.uri);
  const collection = client.db('provider_vault_demo').collection('secrets');
  await collection.deleteMany({});
  const store = new MongoSecretStore(collection);
  await store.init();
  return {
    store,
    describe: server.describe,
    insertRaw: async (record) => {
      await collection.insertOne({ ...record });
    },
    rawDocuments: async () => (await collection.find().toArray()) as unknown as SecretRecord[],
    close: async () => {
      await client.close();
      await server.stop();
    },
  };
}

function memoryStore(reason: Error): DemoStore {
  const store = new MemorySecretStore();
  return {
    store,
    describe: `memory, as no MongoDB server could be had (${reason.message})`,
    insertRaw: async (record) => {
      await store.put(record, 0);
    },
    rawDocuments: async () => {
      const records = [];
      for await (const batch of store.scan({})) records.push(...batch);
      return records;
    },
    close: async () => {},
  };
}
