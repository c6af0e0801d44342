import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { FileSecretStore, MemorySecretStore, MongoSecretStore } from 'provider-vault';
import { describeSecretStore } from 'provider-vault/testing';
import { afterAll, describe, it } from 'vitest';
import { testDatabase } from '../support/database.ts';

const { db } = await testDatabase();
const nowhere = new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 50 });
afterAll(() => nowhere.close());
const folder = mkdtempSync(join(tmpdir(), 'stores-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeSecretStore(
  { describe, it },
  { name: 'MemorySecretStore', open: () => new MemorySecretStore() },
);

let path = '';
describeSecretStore(
  { describe, it },
  {
    name: 'FileSecretStore',
    open: () => {
      path = join(folder, `${randomUUID()}.json`);
      return new FileSecretStore(path);
    },
    reopen: () => new FileSecretStore(path),
    readRaw: () => readFileSync(path, 'utf8'),
    unreachable: () => new FileSecretStore(join(folder, 'none', 'secrets.json')),
  },
);

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
