import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandSucceededEvent, Long, MongoClient } from 'mongodb';
import {
  copyRecords,
  Keyring,
  MemorySecretStore,
  MongoKeyStore,
  MongoSecretStore,
  migrateFromSettings,
  type OperationProgress,
  rotateKeys,
  type ScanRange,
  SecretsVault,
  TenantKeys,
  verifyVault,
} from 'provider-vault';
import { beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { commandsOf } from '../support/commands.ts';
import { testDatabase } from '../support/database.ts';
import { accountSid, newKey } from '../support/fixtures.ts';
import { newRecord, write } from '../support/store-write.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';
import { TestKms } from '../support/test-wrapper.ts';

const TENANTS = 60;
const name = (n: number) => `t${String(n).padStart(3, '0')}`;
const tenants = Array.from({ length: TENANTS }, (_, n) => name(n));
const { client, db } = await testDatabase({ monitorCommands: true });
const keys = new Keyring({ encryptionKey: newKey() });
const drop = (name: string) =>
  db
    .collection(name)
    .drop()
    .catch(() => {}); // it need not exist

/** Whether the server does what `killCursors` says: FerretDB reads on. */
async function killsCursors(): Promise<boolean> {
  const collection = db.collection('cursors');
  await collection.insertMany([{}, {}, {}]);
  const cursor = collection.find({}, { batchSize: 1 });
  await cursor.next();
  await db.command({ killCursors: 'cursors', cursors: [cursor.id] });
  const rest = cursor.toArray().then(
    () => false,
    () => true,
  );
  return rest.finally(() => collection.drop());
}
const canKill = await killsCursors();

describe('a cursor that is lost', () => {
  const cursors = new Set<Long>();
  client.on('commandSucceeded', ({ commandName, reply }: CommandSucceededEvent) => {
    const { cursor } = reply as { cursor?: { id: Long | number } };
    if (commandName === 'find' && cursor && String(cursor.id) !== '0')
      cursors.add(Long.fromValue(cursor.id));
  });
  const secrets = new MongoSecretStore(db);
  const vault = new SecretsVault({ store: secrets, keys });
  const openKeys = () =>
    new TenantKeys({
      wrapper: new TestKms('kms', Buffer.alloc(32, 7)),
      store: new MongoKeyStore(db),
    });
  const settings = db.collection('settings');

  beforeEach(async () => {
    await Promise.all(['secrets', 'settings', 'vault_keys'].map((of) => drop(of)));
    await secrets.init();
    const tenantKeys = openKeys();
    await Promise.all(
      tenants.map(async (tenantId, n) => {
        await vault.put(tenantId, 'custom', { of: tenantId });
        await settings.insertOne({ user_id: tenantId, twilio_account_sid: accountSid(n) });
        await tenantKeys.encryptionKey({ tenantId, provider: 'custom' });
      }),
    );
    cursors.clear();
  });

  /** Kills every cursor on the server, once some batches are done, and says how many. */
  async function killer(collection: string) {
    const other = await MongoClient.connect(inject('mongoUri'));
    onTestFinished(() => other.close());
    const killed: unknown[] = [];
    const onProgress = async ({ done }: OperationProgress) => {
      if (done < 20 || killed.length > 0) return;
      killed.push(...cursors);
      await sleep(20); // until the batch that is read ahead has come
      await other.db(db.databaseName).command({ killCursors: collection, cursors: [...cursors] });
    };
    return { killed, options: { batchSize: 5, concurrency: 1, maxPerSecond: 50, onProgress } };
  }

  it.runIf(canKill).each<[string, string, (options: object) => Promise<{ scanned: number }>]>([
    ['verifyVault', 'secrets', (options) => verifyVault(vault, options)],
    ['rotateKeys', 'secrets', (options) => rotateKeys(vault, options)],
    ['copyRecords', 'secrets', (options) => copyRecords(secrets, new MemorySecretStore(), options)],
    [
      'migrateFromSettings',
      'settings',
      (options) => migrateFromSettings(vault, { ...options, settings }),
    ],
    ['keys.rewrap', 'vault_keys', (options) => openKeys().rewrap(options)],
  ])('is taken up where it was: %s', async (_name, collection, operate) => {
    const { killed, options } = await killer(collection);
    const commands = await commandsOf(client, async () => {
      expect(await operate(options)).toMatchObject({ scanned: TENANTS });
    });
    expect(killed.length).toBeGreaterThan(0);
    const finds = commands.filter(
      ({ commandName, command }) =>
        commandName === 'find' && command.find === collection && command.batchSize === 5,
    );
    expect(finds.length).toBeGreaterThan(1);
  });

  it('with its connection: the same', async () => {
    const proxy = await tcpProxy(inject('mongoUri'));
    const away = new MongoClient(proxy.uri, { serverSelectionTimeoutMS: 5_000 });
    onTestFinished(async () => {
      await away.close();
      await proxy.close();
    });
    const store = new MongoSecretStore(away.db(db.databaseName));
    let resets = 0;
    const onProgress = ({ done }: OperationProgress) => {
      if (done < 15 * (resets + 1) || resets === 3) return;
      resets++;
      proxy.reset();
    };
    const options = { batchSize: 5, concurrency: 1, maxPerSecond: 100, onProgress };
    const report = await verifyVault(new SecretsVault({ store, keys }), options);
    expect({ resets, scanned: report.scanned }).toEqual({ resets: 3, scanned: TENANTS });
  });
});

describe('split', () => {
  const collection = db.collection('split');
  const store = new MongoSecretStore(collection);
  beforeEach(async () => {
    await drop('split');
  });

  const inRanges = async (ranges: readonly ScanRange[]) =>
    Promise.all(
      ranges.map(async (range) => {
        const found: string[] = [];
        for await (const batch of store.scan(range)) found.push(...batch.map((of) => of.tenantId));
        return found;
      }),
    );

  it.each([true, false])('reads addresses only, one for each end (index: %s)', async (indexed) => {
    if (indexed) await store.init();
    await store.putMany(tenants.map((tenant) => write(tenant)));
    let ranges: ScanRange[] = [];
    const commands = await commandsOf(client, async () => {
      ranges = await store.split(4);
    });
    expect((await inRanges(ranges)).map(({ length }) => length)).toEqual([15, 15, 15, 15]);
    const reads = commands.filter(({ commandName }) => commandName !== 'listCollections');
    expect(reads.map(({ commandName }) => commandName)).toEqual([
      'aggregate',
      'find',
      'find',
      'find',
    ]);
    for (const { command } of reads.slice(1)) {
      expect(command).toMatchObject({
        limit: 1,
        skip: 14,
        projection: { tenantId: 1, provider: 1, _id: 0 },
      });
    }
  });

  it('covers everything, whatever else is in the collection', async () => {
    const stray = [
      { user_id: 'a', twilio_auth_token: 'x' },
      { tenantId: ['t010'], provider: 'custom' },
      { tenantId: 't020', provider: ['custom'] },
      { tenantId: 7, provider: 'custom' },
      { tenantId: 't030' },
    ];
    await collection.insertMany(stray);
    const wide = ['ä', 'Z', 'z', '\u{1F600}', '\uFFFD', ...tenants];
    await store.putMany(wide.map((tenant) => write(tenant)));
    const all = (await inRanges([{}])).flat();
    expect([...all].sort()).toEqual([...wide].sort());
    for (const parts of [1, 2, 3, 8, 64, 1000]) {
      const ranges = await store.split(parts);
      expect(ranges.length).toBeLessThanOrEqual(parts);
      expect((await inRanges(ranges)).flat()).toEqual(all);
    }
  });

  it('of an empty collection, and of one that does not exist, is one range', async () => {
    expect(await store.split(5)).toEqual([{}]);
    await store.init();
    expect(await store.split(5)).toEqual([{}]);
    await store.put(newRecord('a'), null);
    expect(await store.split(5)).toEqual([{}]);
  });

  it('while others write and delete: no gap, and each record in one range', async () => {
    await store.putMany(tenants.map((tenant) => write(tenant)));
    let writing = true;
    const others = (async () => {
      for (let n = 0; writing; n++) {
        await store.put(newRecord(`x${n}`), null);
        await store.delete({ tenantId: name(n % 30), provider: 'custom' });
      }
    })();
    const ranges = await store.split(10);
    writing = false;
    await others;
    for (const [at, { after }] of ranges.entries()) expect(after).toEqual(ranges[at - 1]?.until);
    expect(ranges.at(-1)?.until).toBeUndefined();
    expect((await inRanges(ranges)).flat()).toEqual((await inRanges([{}])).flat());
  });

  it.each([0, 1.5, -1, Number.NaN, '3', undefined])('rejects %s parts', async (parts) => {
    await expect(store.split(parts as number)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
    await expect(new MemorySecretStore().split(parts as number)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
  });
});
