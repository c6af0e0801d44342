import {
  type MemorySecretStore,
  reindexLookup,
  type SecretRecord,
  SecretsVault,
  seal,
  verifyVault,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { accountSid, auditEvents, memoryVault, newKey, rejection } from '../../support/fixtures.ts';

const fields = { accountSid: accountSid(1) } as object;
const ref = (tenantId: string) => ({ tenantId, provider: 'twilio' });

/** A vault with `count` records that have no digests. */
async function setUp(count = 3) {
  const { vault, store, keys, key } = memoryVault();
  for (let n = 0; n < count; n++) await vault.put(`t${n}`, 'twilio', fields);
  const strip = async (tenantId: string) => {
    const record = (await store.get(ref(tenantId))) as SecretRecord;
    const { lookup: _, ...metadata } = record.metadata ?? {};
    await store.put({ ...record, metadata } as SecretRecord, record.data.slice(0, 16));
  };
  for (let n = 0; n < count; n++) await strip(`t${n}`);
  const found = () => vault.findTenants('twilio', { accountSid: accountSid(1) });
  return { vault, store, keys, key, strip, found };
}

/** Runs `before` before each write of the store. */
function beforeWrites(store: MemorySecretStore, before: () => Promise<unknown>) {
  const putMany = store.putMany.bind(store);
  let writes = 0;
  store.putMany = async (batch) => {
    writes++;
    await before();
    return putMany(batch);
  };
  return () => writes;
}

describe('reindexLookup', () => {
  it('needs a key for lookups', async () => {
    const { vault: owner, store, keys } = await setUp();
    await owner.put('indexed', 'twilio', fields);
    const bare = {
      encryptionKey: () => keys.encryptionKey(),
      decryptionKey: (id?: string) => keys.decryptionKey(id),
    };
    const vault = new SecretsVault({ store, keys: bare });
    const error = await rejection(reindexLookup(vault));
    expect(error).toMatchObject({ code: 'ERR_KEY_MISSING', name: 'VaultError' });
    expect((await verifyVault(vault)).lookupMissing).toBe(0);
  });

  it('writes nothing in a dry run, and leaves an event for each record', async () => {
    const { vault, found } = await setUp();
    expect(await reindexLookup(vault, { dryRun: true })).toMatchObject({
      scanned: 3,
      indexed: 3,
      changed: 0,
    });
    expect(await found()).toEqual([]);
    const events = await auditEvents(() => reindexLookup(vault, { actor: 'ops' }));
    const event = { action: 'reindex', provider: 'twilio', outcome: 'ok', actor: 'ops', rev: 2 };
    expect(events).toMatchObject([0, 1, 2].map((n) => ({ ...event, tenantId: `t${n}` })));
    expect(await found()).toEqual(['t0', 't1', 't2']);
  });

  it('indexes records of the old system, and leaves those of the library alone [R4] [R8]', async () => {
    const { vault, store, key, found } = await setUp(0);
    const data = seal(JSON.stringify(fields), key);
    await store.put({ ...ref('old'), data }, null);
    await store.put({ tenantId: 'old', provider: '$lease:x', data: 'no base64' }, null);
    expect(await reindexLookup(vault)).toEqual({
      scanned: 1,
      indexed: 1,
      upToDate: 0,
      changed: 0,
      failedCount: 0,
      failed: [],
    });
    expect(await found()).toEqual(['old']);
  });

  it('takes digests away that nothing is left of', async () => {
    const { vault, store } = await setUp(0);
    await vault.put('a', 'openai', { apiKey: 'k' });
    const own = { tenantId: 'a', provider: 'openai' };
    const record = (await store.get(own)) as SecretRecord;
    const metadata = { ...record.metadata, lookup: ['accountSid:00000000:x'] };
    await store.put({ ...record, metadata } as SecretRecord, record.data.slice(0, 16));
    expect(await reindexLookup(vault)).toMatchObject({ indexed: 1 });
    expect((await store.get(own))?.metadata).not.toHaveProperty('lookup');
  });

  it('names what cannot be opened, leaves an event of it, and goes on', async () => {
    const { vault, store, found } = await setUp(2);
    const lost = { ...ref('lost'), data: seal('{}', newKey()) };
    await store.put(lost, null);
    const events = await auditEvents(async () => {
      expect(await reindexLookup(vault)).toMatchObject({
        scanned: 3,
        indexed: 2,
        failedCount: 1,
        failed: [{ ...ref('lost'), reason: 'ERR_DECRYPTION_FAILED' }],
      });
    });
    expect(events).toHaveLength(3);
    expect(events).toContainEqual(
      expect.objectContaining({ action: 'reindex', tenantId: 'lost', outcome: 'refused' }),
    );
    expect(await store.get(ref('lost'))).toEqual(lost);
    expect(await found()).toEqual(['t0', 't1']);
  });

  it('counts what somebody deletes meanwhile as done', async () => {
    const { vault, store } = await setUp(3);
    beforeWrites(store, async () => {
      await store.delete(ref('t0'));
      await store.delete(ref('t1'));
    });
    expect(await reindexLookup(vault)).toMatchObject({ indexed: 1, upToDate: 2, changed: 0 });
  });

  it('gives up on what others keep on changing, and says so', async () => {
    const { vault, store, key } = await setUp(2);
    const writes = beforeWrites(store, async () => {
      await store.delete(ref('t0'));
      await store.put({ ...ref('t0'), data: seal(JSON.stringify(fields), key) }, null);
    });
    const report = await reindexLookup(vault);
    expect(report).toMatchObject({ scanned: 2, indexed: 1, changed: 1, upToDate: 0 });
    expect(writes()).toBe(8);
  });

  it('reads what it lost again, also where the store is away for a moment', async () => {
    const { store, key, keys, found } = await setUp(2);
    let lost = false;
    beforeWrites(store, async () => {
      if (lost) return;
      lost = true;
      await store.delete(ref('t0'));
      await store.put({ ...ref('t0'), data: seal(JSON.stringify(fields), key) }, null);
    });
    const faulty = new FaultyStore(store);
    faulty.fail('getMany', 'before');
    const other = new SecretsVault({ store: faulty.store, keys });
    expect(await reindexLookup(other)).toMatchObject({ indexed: 2, changed: 0 });
    expect(await found()).toEqual(['t0', 't1']);
  });

  it('writes nothing more once it is aborted', async () => {
    const { vault, store, key } = await setUp(3);
    const abort = new AbortController();
    const writes = beforeWrites(store, async () => {
      await store.delete(ref('t0'));
      await store.put({ ...ref('t0'), data: seal(JSON.stringify(fields), key) }, null);
      abort.abort();
    });
    const error = await rejection(reindexLookup(vault, { signal: abort.signal }));
    expect(error).toMatchObject({ code: 'ERR_ABORTED' });
    expect(writes()).toBe(1);
  });
});
