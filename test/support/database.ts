import { randomUUID } from 'node:crypto';
import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import { afterAll, inject } from 'vitest';

export interface TestDatabase {
  readonly client: MongoClient;
  readonly db: Db;
}

/**
 * Gives a test file a fresh database on the run's server, dropped when the file is done.
 *
 * Call it at the top of the file or of a `describe`, not inside a test or a hook:
 *
 *     const { client, db } = await testDatabase();
 */
export async function testDatabase(options: MongoClientOptions = {}): Promise<TestDatabase> {
  const client = new MongoClient(inject('mongoUri'), options);
  const db = client.db(`test_${randomUUID().replaceAll('-', '')}`);
  afterAll(async () => {
    await db.dropDatabase();
    await client.close();
  });
  await client.connect();
  return { client, db };
}
