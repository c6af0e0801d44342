import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { MongoSecretStore } from 'provider-vault';
import { describeSecretStore } from 'provider-vault/testing';
import { afterAll, describe, it } from 'vitest';
import { testDatabase } from '../support/database.ts';

const { db } = await testDatabase();
const nowhere = new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 50 });
afterAll(() => nowhere.close());

for (const indexed of [true, false]) {
  let collection = '';
  describeSecretStore(
    { describe, it },
    {
      name: `MongoSecretStore ${indexed ? 'with' : 'without'} its index`,
      open: async () => {
        collection = `secrets_${randomUUID()}`;
        const store = new MongoSecretStore(db, { collection });
        if (indexed) await store.init();
        return store;
      },
      reopen: () => new MongoSecretStore(db, { collection }),
      readRaw: ({ tenantId, provider }) =>
        db.collection(collection).findOne({ tenantId, provider }),
      unreachable: () => new MongoSecretStore(nowhere.db('none')),
    },
  );
}
