import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  copyRecords,
  etag,
  Keyring,
  MemorySecretStore,
  MongoSecretStore,
  type SecretRecord,
  type SecretStore,
  SecretsVault,
  seal,
  verifyVault,
} from 'provider-vault';
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { bundleWorker } from '../support/bundle-worker.ts';
import { connectStore } from '../support/connect-store.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { noPostgres, startPostgres } from '../support/postgres-server.ts';

const TENANTS = 200;
const KILLS = 10;
const { db } = await testDatabase();
const mongo = new MongoSecretStore(db);
const keys = new Keyring({ encryptionKey: newKey() });

beforeEach(async () => {
  await db.collection('secrets').deleteMany({});
});

async function allOf(store: SecretStore): Promise<SecretRecord[]> {
  const records: SecretRecord[] = [];
  for await (const batch of store.scan({})) records.push(...batch);
  return records;
}

async function fill(store: SecretStore): Promise<SecretsVault> {
  const vault = new SecretsVault({ store, keys });
  await Promise.all(
    Array.from({ length: TENANTS }, async (_, n) => {
      await vault.put(`t${n}`, 'custom', { f: `first ${n}` }, { actor: 'ann' });
      await vault.patch(`t${n}`, 'custom', { f: `value ${n}` });
    }),
  );
  return vault;
}

describe('copyRecords', () => {
  it.each([null, 'none', ['a']])(
    'copies a record of the old system again that has %j for metadata [L3]',
    async (metadata) => {
      const memory = new MemorySecretStore();
      const ref = { tenantId: 'default', provider: 'twilio' };
      await mongo.init();
      let before: string | null = null;
      for (const authToken of ['a', 'b']) {
        const data = seal(JSON.stringify({ authToken }), newKey());
        await memory.put({ ...ref, data, metadata: metadata as never }, before);
        before = etag({ data });
        expect(await copyRecords(memory, mongo)).toMatchObject({ copied: 1, complete: true });
        expect((await mongo.get(ref))?.data).toBe(data);
      }
    },
  );

  it('copies what other software has changed in a record, and keeps its own at the target [R7]', async () => {
    const memory = new MemorySecretStore();
    const ref = { tenantId: 'acme', provider: 'custom' };
    const vault = new SecretsVault({ store: memory, keys });
    await vault.put('acme', 'custom', { f: '1' });
    await vault.patch('acme', 'custom', { f: '2' });
    const change = async (more: object, metadata: object) => {
      const record = (await memory.get(ref)) as SecretRecord;
      const changed = { ...record, ...more, metadata: { ...record.metadata, ...metadata } };
      await memory.put(changed, etag(record));
    };
    await change({ note: { at: new Date(1) }, same: ['a'] }, { origin: 'py' });
    await mongo.init();
    await copyRecords(memory, mongo);
    expect(await mongo.get(ref)).toEqual(await memory.get(ref));

    await db.collection('secrets').updateOne(ref, { $set: { own: 1, 'metadata.own': 2 } });
    await vault.purgeHistory('acme', 'custom');
    await change({ note: { at: new Date(2) }, added: null }, { origin: 'go' });
    expect(await copyRecords(memory, mongo)).toMatchObject({ copied: 1, complete: true });
    const source = (await memory.get(ref)) as SecretRecord;
    const target = { ...source, own: 1, metadata: { ...source.metadata, own: 2 } };
    expect(await mongo.get(ref)).toEqual(target);
  });

  it('copies from memory into MongoDB', async () => {
    const memory = new MemorySecretStore();
    await fill(memory);
    await mongo.init();
    const report = await copyRecords(memory, mongo, { batchSize: 30 });
    expect(report).toMatchObject({ copied: TENANTS, verified: TENANTS, complete: true });
    expect(await allOf(mongo)).toEqual(await allOf(memory));
    const moved = new SecretsVault({ store: mongo, keys });
    expect(await verifyVault(moved)).toMatchObject({ ok: TENANTS, problemCount: 0 });
    expect((await moved.rollback('t1', 'custom', 1)).rev).toBe(3);
  });
});

describe.skipIf(noPostgres)(`into PostgreSQL (${noPostgres ?? 'found'})`, async () => {
  if (noPostgres) return;
  const server = await startPostgres();
  const { store: postgres, close } = await connectStore(server.uri, '');
  const worker = await bundleWorker('copy-records');
  afterAll(async () => {
    await close();
    await server.stop();
    await rm(dirname(worker), { recursive: true });
  });
  beforeEach(async () => {
    await postgres.init?.();
    for (const record of await allOf(postgres)) await postgres.delete(record);
  });

  it('copies from MongoDB while the vault is written, and loses nothing', async () => {
    const vault = await fill(mongo);
    const last = new Map<string, string | undefined>();
    let running = true;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let n = 0; running; n++) {
        // Each writer has tenants of its own, among them new ones.
        const tenant = `t${Math.floor(Math.random() * (TENANTS / 4 + 5)) * 4 + writer}`;
        if (n % 10 === 9) {
          await vault.delete(tenant, 'custom');
          last.set(tenant, undefined);
        } else {
          await vault.put(tenant, 'custom', { f: `${writer} ${n}` });
          last.set(tenant, `${writer} ${n}`);
        }
      }
    });
    const live = await copyRecords(mongo, postgres, { batchSize: 10, maxPerSecond: 400 });
    running = false;
    await Promise.all(writers);
    expect(live).toMatchObject({ failedCount: 0 });
    expect(live.caughtUp).toBeGreaterThan(0);

    const final = await copyRecords(mongo, postgres, { deleteMissing: true });
    expect(final).toMatchObject({ differentCount: 0, onlyAtTargetCount: 0, complete: true });
    expect(await allOf(postgres)).toEqual(await allOf(mongo));
    const moved = new SecretsVault({ store: postgres, keys });
    for (const [tenant, value] of last) {
      expect([tenant, (await moved.get(tenant, 'custom'))?.f]).toEqual([tenant, value]);
    }
  });

  it('survives kill -9 at any moment', { timeout: 120_000 }, async () => {
    await fill(mongo);
    let inTime = 0;
    for (let kill = 1; kill <= KILLS; kill++) {
      const args = [worker, inject('mongoUri'), db.databaseName, server.uri];
      const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      const exited = once(child, 'exit');
      child.stdin.end();
      await sleep(Math.random() * 150);
      child.kill('SIGKILL');
      if ((await exited)[1] === 'SIGKILL') inTime++;
    }
    expect(inTime).toBeGreaterThan(0);
    const report = await copyRecords(mongo, postgres);
    expect(report).toMatchObject({ verified: TENANTS, complete: true });
    expect(report.copied + report.upToDate).toBe(TENANTS);
    expect(await allOf(postgres)).toEqual(await allOf(mongo));
  });
});
