import { MongoClient } from 'mongodb';
import {
  type AuditEvent,
  Keyring,
  MemorySecretStore,
  MongoAuditSink,
  SecretsVault,
} from 'provider-vault';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { commandsOf } from '../support/commands.ts';
import { testDatabase } from '../support/database.ts';
import { accountSid, authToken, newKey } from '../support/fixtures.ts';

const { client, db } = await testDatabase({ monitorCommands: true });
const trail = db.collection('secrets_audit');
const keys = new Keyring({ encryptionKey: newKey() });

beforeEach(async () => {
  await trail.deleteMany({});
});

function audited(mode: 'strict' | 'best-effort', sink = new MongoAuditSink(db)) {
  const store = new MemorySecretStore();
  return { sink, vault: new SecretsVault({ store, keys, audit: { sink, mode } }) };
}

/** How many commands of that name `operate` sends. */
async function countOf(command: string, operate: () => Promise<unknown>): Promise<number> {
  const commands = await commandsOf(client, operate);
  return commands.filter(({ commandName }) => commandName === command).length;
}

describe('MongoAuditSink', () => {
  it('answers who read the Twilio token of a tenant last week', async () => {
    const { sink, vault } = audited('best-effort');
    await vault.put('acme', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
    await vault.get('acme', 'twilio', { actor: 'ann', reason: 'case 17' });
    await vault.getSecret('acme', 'twilio_auth_token', { actor: 'bob' });
    await vault.getSecret('acme', 'twilio_account_sid', { actor: 'not the token' });
    await vault.get('other', 'twilio', { actor: 'not of acme' });

    const since = new Date(Date.now() - 7 * 86_400_000);
    const who = {
      tenantId: 'acme',
      provider: 'twilio',
      field: 'authToken',
      action: 'get',
    } as const;
    const found = await sink.find({ ...who, since });
    expect(found.map(({ actor }) => actor).sort()).toEqual(['ann', 'bob']);
    expect(found.find(({ actor }) => actor === 'ann')).toEqual({
      at: expect.any(Date),
      action: 'get',
      tenantId: 'acme',
      provider: 'twilio',
      fields: ['accountSid', 'authToken'],
      outcome: 'ok',
      rev: 1,
      keyId: keys.encryptionKeyId,
      actor: 'ann',
      reason: 'case 17',
      source: 'vault',
    });
    expect(await sink.find({ ...who, until: since })).toEqual([]);
    expect(await sink.find({ ...who, since, limit: 1 })).toHaveLength(1);
    expect(await sink.find({ actor: 'bob', outcome: 'ok' })).toHaveLength(1);
    expect(await sink.find()).toHaveLength(5);
    expect(JSON.stringify(await trail.find().toArray())).not.toContain(authToken(1));
  });

  it.each([
    { tenantId: { $ne: null } },
    { actor: ['a'] },
    { since: 'yesterday' },
    { until: new Date(Number.NaN) },
    { limit: 0 },
    { limit: '5' },
  ])('refuses the query %j', async (query) => {
    await expect(new MongoAuditSink(db).find(query as never)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
  });

  it('writes the events of many operations by few commands', async () => {
    const { sink, vault } = audited('best-effort');
    const inserts = await countOf('insert', async () => {
      await Promise.all(Array.from({ length: 600 }, (_, n) => vault.get(`t${n}`, 'custom')));
      await sink.flush();
    });
    expect(inserts).toBeLessThanOrEqual(4);
    expect(await trail.countDocuments()).toBe(600);
  });

  it('has each event before the operation ends, in mode strict', async () => {
    const { vault } = audited('strict');
    await vault.put('acme', 'custom', { a: '1' });
    expect(await trail.countDocuments()).toBe(1);
    await vault.get('acme', 'custom');
    expect(await trail.countDocuments()).toBe(2);
  });

  it('keeps the start of a huge reason and actor, and the events of other tenants', async () => {
    const sink = new MongoAuditSink(db);
    const reason = 'r'.repeat(17 * 1024 * 1024);
    const actor = 'a'.repeat(2_000);
    const event = { at: new Date(), tenantId: 'other' } as never as AuditEvent;
    await Promise.all(
      [event, { ...event, tenantId: 'acme', actor, reason }, event].map((one) => sink.write(one)),
    );
    expect(await sink.find({ tenantId: 'other' })).toHaveLength(2);
    expect(await sink.find({ actor })).toMatchObject([
      { tenantId: 'acme', actor: 'a'.repeat(1024), reason: 'r'.repeat(1024) },
    ]);
  });

  it('fails the writer of an event that the server refuses, and no other', async () => {
    await db.collection('picky').createIndex({ reason: 1 }, { unique: true, sparse: true });
    await db.collection('picky').insertOne({ reason: 'taken' });
    const sink = new MongoAuditSink(db, { collection: 'picky' });
    const writes = ['a', 'taken', 'b'].map((reason) => sink.write({ reason } as never));
    const results = await Promise.allSettled(writes);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'ERR_STORE_FAILED' } });
    expect(await sink.find()).toHaveLength(3);
  });

  it('writes what waits when it is closed, and nothing after', async () => {
    const { sink, vault } = audited('strict');
    const reading = Array.from({ length: 50 }, () => vault.get('acme', 'custom'));
    await Promise.all(reading);
    await sink.close();
    expect(await trail.countDocuments()).toBe(50);
    await expect(vault.get('acme', 'custom')).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
  });

  it.each([
    [null, {}],
    [db, { batchSize: 0 }],
    [db, { expireAfterSeconds: 1.5 }],
    [db, { maxQueued: '1' }],
  ])('refuses options of another type', (source, options) => {
    expect(() => new MongoAuditSink(source as never, options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    );
  });
});

describe('init of MongoAuditSink', () => {
  it('makes its indexes, in twenty processes at once', async () => {
    const sinks = Array.from(
      { length: 20 },
      () => new MongoAuditSink(db, { collection: 'with_ttl', expireAfterSeconds: 3_600 }),
    );
    await Promise.all(sinks.map((sink) => sink.init()));
    const indexes = await db.collection('with_ttl').indexes();
    expect(indexes).toHaveLength(3);
    expect(indexes.find(({ key }) => Object.keys(key).join() === 'at')?.expireAfterSeconds).toBe(
      3_600,
    );
    const another = new MongoAuditSink(db, { collection: 'with_ttl', expireAfterSeconds: 60 });
    await expect(another.init()).rejects.toMatchObject({ code: 'ERR_STORE_FAILED' });
    const without = new MongoAuditSink(db, { collection: 'without_ttl' });
    await without.init();
    expect(await db.collection('without_ttl').indexes()).toHaveLength(2);
  });

  it('has the server remove what is too old', async () => {
    const server = await startMongo({ args: ['--setParameter', 'ttlMonitorSleepSecs=1'] });
    const other = await MongoClient.connect(server.uri);
    onTestFinished(async () => {
      await other.close();
      await server.stop();
    });
    const sink = new MongoAuditSink(other.db('ttl'), { expireAfterSeconds: 1 });
    await sink.init();
    const { vault } = audited('strict', sink);
    await vault.get('acme', 'custom');
    expect(await sink.find()).toHaveLength(1);
    await vi.waitFor(async () => expect(await sink.find()).toEqual([]), 20_000);
  });
});

describe('a server that is away', () => {
  it('refuses in mode strict, each time', async () => {
    const gone = new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 300 });
    const { vault } = audited('strict', new MongoAuditSink(gone.db('gone')));
    for (let n = 0; n < 3; n++) {
      await expect(vault.get('acme', 'custom')).rejects.toMatchObject({
        code: 'ERR_STORE_UNAVAILABLE',
      });
    }
    await gone.close();
  });

  it('has no more events wait for it than it may', async () => {
    let connect = (_: typeof db) => {};
    const connecting = new Promise<typeof db>((resolve) => {
      connect = resolve;
    });
    const sink = new MongoAuditSink(connecting, { maxQueued: 5, batchSize: 2 });
    const event = { tenantId: 'acme' } as never;
    const writes = Array.from({ length: 10 }, () => sink.write(event));
    const settled = Promise.allSettled(writes);
    connect(db);
    expect((await settled).map(({ status }) => status)).toEqual([
      ...Array.from({ length: 5 }, () => 'fulfilled'),
      ...Array.from({ length: 5 }, () => 'rejected'),
    ]);
    expect(await trail.countDocuments()).toBe(5);
  });
});
