import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSecretStore, MongoSecretStore } from 'provider-vault';
import { afterAll } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { describeLeases } from '../support/leases.ts';

const { db } = await testDatabase();
const folder = mkdtempSync(join(tmpdir(), 'leases-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeLeases('FileSecretStore', () => new FileSecretStore(join(folder, randomUUID())));
describeLeases('MongoSecretStore', () => new MongoSecretStore(db, { collection: randomUUID() }));
