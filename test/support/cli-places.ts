import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, inject } from 'vitest';
import { testDatabase } from './database.ts';

/** A fresh folder, removed when the test file is done. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'provider-vault-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** `MONGO_URL` of a fresh database, as a backend has it, with the database itself. */
export async function mongoPlace() {
  const { db } = await testDatabase();
  const url = new URL(inject('mongoUri'));
  url.pathname = `/${db.databaseName}`;
  return { db, env: { MONGO_URL: url.href } };
}

/** A store in a file, named by the environment. */
export async function filePlace() {
  const path = join(await testFolder(), 'secrets.json');
  return { path, env: { PROVIDER_VAULT_STORE: `file:${path}` } };
}
