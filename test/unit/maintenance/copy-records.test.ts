import {
  type CopyReport,
  copyRecords,
  etag,
  Keyring,
  MemorySecretStore,
  OperationError,
  rotateKeys,
  type SecretRecord,
  type SecretStore,
  SecretsVault,
  seal,
  VaultError,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it, vi } from 'vitest';
import { newKey, rejection } from '../../support/fixtures.ts';
import { newRecord } from '../../support/store-write.ts';

const TENANTS = 25;

/** A vault with records and history, and an empty target with a vault over it. */
async function twoStores() {
  const key = newKey();
  const keys = new Keyring({ encryptionKey: key });
  const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
  const [vault, moved] = [source, target].map((store) => new SecretsVault({ store, keys })) as [
    SecretsVault,
    SecretsVault,
  ];
  for (let n = 10; n < 10 + TENANTS; n++) {
    await vault.put(`t${n}`, 'custom', { f: '1' });
    await vault.patch(`t${n}`, 'custom', { f: String(n) });
  }
  return { key, source, target, vault, moved };
}

async function allOf(store: SecretStore): Promise<SecretRecord[]> {
  const records: SecretRecord[] = [];
  for await (const batch of store.scan({})) records.push(...batch);
  return records;
}

/** A source that calls `between` when its first scan is over. */
function afterFirstPass(source: SecretStore, between: () => Promise<unknown>): SecretStore {
  let scans = 0;
  return new Proxy(source, {
    get: (inner, name) => {
      const member = inner[name as keyof SecretStore];
      if (name !== 'scan') return typeof member === 'function' ? member.bind(inner) : member;
      return async function* (query: object) {
        yield* inner.scan(query);
        if (++scans === 1) await between();
      };
    },
  });
}

/** A target that cannot keep the record of one tenant. */
function refusing(target: MemorySecretStore, tenantId: string): SecretStore {
  const refuses = (record: SecretRecord) => {
    if (record.tenantId !== tenantId) return;
    throw new VaultError('ERR_STORE_FAILED', 'refused');
  };
  return new Proxy(target, {
    get: (inner, name) => {
      if (name === 'putMany') {
        return async (writes: Parameters<SecretStore['putMany']>[0]) => {
          for (const { record } of writes) refuses(record);
          return inner.putMany(writes);
        };
      }
      if (name === 'put') {
        return async (record: SecretRecord, expected: string | null) => {
          refuses(record);
          return inner.put(record, expected);
        };
      }
      const member = inner[name as keyof MemorySecretStore];
      return typeof member === 'function' ? member.bind(inner) : member;
    },
  });
}

describe('copyRecords', () => {
  it('copies records as they are, with their history, and once', async () => {
    const { source, target, moved } = await twoStores();
    const unknown = { ...newRecord('x'), note: { mine: true } };
    await source.put(unknown, null);
    const report = await copyRecords(source, target, { batchSize: 4 });
    expect(report).toEqual({
      scanned: TENANTS + 1,
      copied: TENANTS + 1,
      upToDate: 0,
      caughtUp: 0,
      failedCount: 0,
      failed: [],
      verified: TENANTS + 1,
      differentCount: 0,
      different: [],
      onlyAtTargetCount: 0,
      onlyAtTarget: [],
      deleted: 0,
      complete: true,
    } satisfies CopyReport);
    expect(await allOf(target)).toEqual(await allOf(source));
    expect(await moved.history('t10', 'custom')).toHaveLength(1);
    const again = await copyRecords(source, target);
    expect(again).toMatchObject({ copied: 0, upToDate: TENANTS + 1, complete: true });
  });

  it('copies a record of the old system once, and again when that has written [L3]', async () => {
    const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
    const ref = { tenantId: 'default', provider: 'twilio' };
    const first = { ...ref, data: seal('{"authToken":"a"}', newKey()) };
    await source.put(first, null);
    const report = { caughtUp: 0, verified: 1, complete: true };
    expect(await copyRecords(source, target)).toMatchObject({ ...report, copied: 1 });
    expect(await copyRecords(source, target)).toMatchObject({ ...report, copied: 0, upToDate: 1 });
    const second = { ...ref, data: seal('{"authToken":"b"}', newKey()) };
    await source.put(second, etag(first));
    expect(await copyRecords(source, target)).toMatchObject({ ...report, copied: 1 });
    expect(await target.get(ref)).toEqual(second);
  });

  it('copies records of the library but leases, and counts none of them [R8]', async () => {
    const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
    for (const provider of ['$lease:twilio', '$health:twilio', '$settings-migrated']) {
      await source.put(newRecord('a', provider), null);
    }
    await target.put(newRecord('b', '$lease:x'), null);
    const report = await copyRecords(source, target, { deleteMissing: true });
    expect(report).toMatchObject({ scanned: 0, copied: 0, verified: 0, complete: true });
    expect((await allOf(target)).map(({ provider }) => provider)).toEqual([
      '$health:twilio',
      '$settings-migrated',
      '$lease:x',
    ]);
  });

  it('never replaces a newer record at the target', async () => {
    const { source, target, vault, moved } = await twoStores();
    await copyRecords(source, target);
    await moved.patch('t10', 'custom', { f: 'at the target' });
    await moved.delete('t11', 'custom');
    await moved.put('t11', 'custom', { f: 'made anew at the target' });
    const both = { f: 'at both' };
    await Promise.all([vault, moved].map((at) => at.patch('t12', 'custom', both)));
    const issues: string[] = [];
    const report = await copyRecords(source, target, {
      onIssue: ({ tenantId, reason }, list) => issues.push(`${list} ${tenantId}: ${reason}`),
    });
    expect(report).toMatchObject({ copied: 0, differentCount: 3, complete: false });
    expect(issues[0]).toBe('different t10: the target has a newer version, or one of its own');
    expect((await moved.require('t10', 'custom')).f).toBe('at the target');
    expect((await moved.require('t11', 'custom')).f).toBe('made anew at the target');
  });

  it('takes what is newer at the source: patched, rotated, made anew, written by the old system', async () => {
    const { source, target, vault, moved, key } = await twoStores();
    const { metadata: _, ...old } = newRecord('old');
    await source.put(old as SecretRecord, null);
    await copyRecords(source, target);
    await vault.patch('t10', 'custom', { f: 'patched' });
    await vault.delete('t11', 'custom');
    await vault.put('t11', 'custom', { f: 'anew' });
    const { metadata: __, ...older } = newRecord('old');
    await source.put(older as SecretRecord, etag(old));
    expect(await copyRecords(source, target)).toMatchObject({ copied: 3, complete: true });
    expect((await moved.require('t10', 'custom')).f).toBe('patched');
    expect((await moved.require('t11', 'custom')).f).toBe('anew');
    await source.delete(older);
    await target.delete(older);

    const renewed = { encryptionKey: newKey(), decryptionKeys: [key] };
    const rotating = new SecretsVault({ store: source, keys: new Keyring(renewed) });
    expect(await rotateKeys(rotating)).toMatchObject({ rotated: TENANTS });
    expect(await copyRecords(source, target)).toMatchObject({ copied: TENANTS, complete: true });
    expect(await allOf(target)).toEqual(await allOf(source));
  });

  it('catches up with what changes between the passes, deletions included', async () => {
    const { source, target, vault, moved } = await twoStores();
    const busy = afterFirstPass(source, async () => {
      await vault.patch('t10', 'custom', { f: 'changed' });
      await vault.put('new', 'custom', { f: 'new' });
      await vault.delete('t12', 'custom');
    });
    const report = await copyRecords(busy, target);
    expect(report).toMatchObject({ copied: TENANTS, caughtUp: 2, verified: TENANTS });
    expect(report).toMatchObject({ onlyAtTargetCount: 1, deleted: 0, complete: false });
    expect(report.onlyAtTarget).toEqual([
      { tenantId: 't12', provider: 'custom', reason: 'the source does not have it' },
    ]);
    expect((await moved.require('t10', 'custom')).f).toBe('changed');
    expect((await moved.require('new', 'custom')).f).toBe('new');

    const last = await copyRecords(source, target, { deleteMissing: true });
    expect(last).toMatchObject({ deleted: 1, onlyAtTargetCount: 0, complete: true });
    expect(await allOf(target)).toEqual(await allOf(source));
  });

  it('writes nothing in a dry run', async () => {
    const { source, target } = await twoStores();
    await target.put(newRecord('only'), null);
    const report = await copyRecords(source, target, { dryRun: true, deleteMissing: true });
    expect(report).toMatchObject({ copied: TENANTS, caughtUp: 0, verified: 0, deleted: 0 });
    expect(report).toMatchObject({ onlyAtTargetCount: 1, complete: false });
    expect(await allOf(target)).toHaveLength(1);
  });

  it('is shared by range and by part', async () => {
    const { source, target } = await twoStores();
    const ranges = await source.split(3);
    for (const range of ranges.slice(1)) {
      expect(await copyRecords(source, target, { range })).toMatchObject({ complete: true });
    }
    expect((await allOf(target)).length).toBeLessThan(TENANTS);
    const parts = await Promise.all(
      [0, 1].map((index) => copyRecords(source, target, { part: { index, of: 2 } })),
    );
    expect(parts.every(({ complete }) => complete)).toBe(true);
    expect(parts.reduce((sum, { scanned }) => sum + scanned, 0)).toBe(TENANTS);
    expect(await allOf(target)).toEqual(await allOf(source));
  });

  it('goes on after an abort, in any of its passes', async () => {
    const { source, target } = await twoStores();
    for (const stopAt of [1, 6, 12]) {
      const fresh = stopAt === 1 ? target : new MemorySecretStore();
      const abort = new AbortController();
      let batches = 0;
      const ended: OperationError<CopyReport> = await copyRecords(source, fresh, {
        batchSize: 5,
        concurrency: 1,
        signal: abort.signal,
        onProgress: () => ++batches === stopAt && abort.abort(),
      }).then(
        () => Promise.reject(new Error('it was not aborted')),
        (error) => error,
      );
      expect(ended).toBeInstanceOf(OperationError);
      expect(ended.code).toBe('ERR_ABORTED');
      expect(ended.report.complete).toBe(false);
      const { after } = ended;
      expect(after?.[0]).toBe(stopAt < 5 ? '1' : stopAt < 10 ? '2' : '3');
      const rest = await copyRecords(source, fresh, { batchSize: 5, ...(after && { after }) });
      expect(ended.report.copied + rest.copied).toBeGreaterThanOrEqual(TENANTS);
      expect(rest).toMatchObject({ failedCount: 0, differentCount: 0, complete: false });
      // The passes behind the one that was ended begin at their beginning.
      expect(rest.verified).toBe(after?.[0] === '3' ? TENANTS - ended.report.verified : TENANTS);
      expect(await copyRecords(source, fresh)).toMatchObject({ copied: 0, complete: true });
    }
  });

  it('outlasts a target that is away for a while, and lost answers', async () => {
    const { source, target } = await twoStores();
    const faulty = new FaultyStore(target);
    faulty.fail('getMany', 'before');
    faulty.fail('putMany', 'before');
    faulty.fail('putMany', 'after', 2);
    faulty.fail('scan', 'before', 3);
    const report = await copyRecords(source, faulty.store, { batchSize: 5 });
    expect(report).toMatchObject({ copied: TENANTS, verified: TENANTS, complete: true });
  });

  it('reports the records that the target cannot keep, and copies the others', async () => {
    const { source, target } = await twoStores();
    const report = await copyRecords(source, refusing(target, 't13'));
    expect(report).toMatchObject({ copied: TENANTS - 1, verified: TENANTS - 1, complete: false });
    expect(report.failedCount).toBe(1);
    expect(report.failed).toEqual([
      { tenantId: 't13', provider: 'custom', reason: 'ERR_STORE_FAILED' },
    ]);
  });

  it('is complete only if no record failed, none differs, and none is at the target only', async () => {
    for (const more of ['different', 'onlyAtTarget'] as const) {
      const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
      for (const tenant of ['a', 'b']) await source.put(newRecord(tenant), null);
      await target.put(
        more === 'different'
          ? { ...newRecord('b'), metadata: { rev: 2 } }
          : newRecord('only at the target'),
        null,
      );
      expect(await copyRecords(source, refusing(target, 'a'))).toMatchObject({
        failedCount: 1,
        [`${more}Count`]: 1,
        complete: false,
      });
    }
  });

  const [early, late] = [new Date(1_000), new Date(2_000)];
  it.each<[string, object, object, 'copied' | 'kept']>([
    ['made later', { rev: 1, createdAt: late }, { rev: 5, createdAt: early }, 'copied'],
    ['made earlier', { rev: 5, createdAt: early }, { rev: 1, createdAt: late }, 'kept'],
    ['of a later revision', { rev: 3, createdAt: late }, { rev: 2, createdAt: late }, 'copied'],
    ['of an earlier revision', { rev: 2, createdAt: late }, { rev: 3, createdAt: late }, 'kept'],
    ['of the same revision', { rev: 2, createdAt: late }, { rev: 2, createdAt: late }, 'kept'],
    ['without a time', { rev: 9 }, { rev: 1, createdAt: early }, 'kept'],
    ['in the place of one without', { rev: 1, createdAt: early }, { rev: 9 }, 'copied'],
    ['of no valid time', { rev: 9, createdAt: new Date(Number.NaN) }, { rev: 2 }, 'copied'],
    ['of the old system', {}, {}, 'copied'],
    ['of the old system in the place of a new one', {}, { rev: 1 }, 'kept'],
  ])('takes a version for newer by when it was made, then by its revision: %s', async (...row) => {
    const [, ofSource, ofTarget, outcome] = row;
    const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
    const [mine, theirs] = [newRecord('a'), newRecord('a')];
    await source.put({ ...mine, metadata: ofSource } as SecretRecord, null);
    await target.put({ ...theirs, metadata: ofTarget } as SecretRecord, null);
    const report = await copyRecords(source, target);
    const [stored] = await allOf(target);
    expect(stored?.data).toBe(outcome === 'copied' ? mine.data : theirs.data);
    expect(report).toMatchObject(
      outcome === 'copied'
        ? { copied: 1, upToDate: 0, verified: 1, differentCount: 0, complete: true }
        : { copied: 0, upToDate: 1, verified: 0, differentCount: 1, complete: false },
    );
  });

  it('finds data at the target that is not that of the source, though it has the same etag', async () => {
    const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
    const record = newRecord('a');
    await source.put(record, null);
    await target.put({ ...record, data: `${record.data.slice(0, -4)}AAAA` }, null);
    expect(await copyRecords(source, target)).toMatchObject({ verified: 0, differentCount: 1 });
  });

  it('compares records without an etag by all of their data', async () => {
    for (const [data, verified] of [
      ['old', 1],
      ['new', 0],
    ] as const) {
      const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
      await source.put({ ...newRecord('a'), data: 'old', metadata: { rev: 1 } }, null);
      await target.put({ ...newRecord('a'), data, metadata: { rev: 1 } }, null);
      expect(await copyRecords(source, target)).toMatchObject({ upToDate: 1, verified });
    }
  });

  /** A target each `putMany` of which does something else first. */
  function disturbed(target: MemorySecretStore, before: (writes: readonly object[]) => unknown) {
    const putMany = target.putMany.bind(target);
    const state = { writes: 0 };
    target.putMany = async (writes) => {
      state.writes++;
      await before(writes);
      return putMany(writes);
    };
    return state;
  }

  it('hands the record that it replaces to the target as a whole', async () => {
    const { source, target, vault } = await twoStores();
    await copyRecords(source, target);
    const before = await target.get({ tenantId: 't10', provider: 'custom' });
    await vault.patch('t10', 'custom', { f: 'changed' });
    const writes: object[] = [];
    disturbed(target, (batch) => writes.push(...batch));
    await copyRecords(source, target);
    expect(before?.history).toHaveLength(1);
    expect(writes).toMatchObject([{ stored: before }]);
  });

  it('writes and deletes nothing more once it is aborted', async () => {
    for (const method of ['putMany', 'delete'] as const) {
      const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
      await (method === 'delete' ? target : source).put(newRecord('a'), null);
      const change = vi.spyOn(target, method);
      const abort = new AbortController();
      const read = method === 'delete' ? source : target; // before it changes the target
      const getMany = read.getMany.bind(read);
      read.getMany = async (...args) => {
        const records = await getMany(...args);
        abort.abort();
        return records;
      };
      const options = { deleteMissing: true, signal: abort.signal };
      await expect(copyRecords(source, target, options)).rejects.toMatchObject({
        code: 'ERR_ABORTED',
      });
      expect(change).not.toHaveBeenCalled();
    }
  });

  it('tells its progress in records, those of the library left out [R8]', async () => {
    const { source, target } = await twoStores();
    await source.put(newRecord('t10', '$health:x'), null);
    const progress: number[] = [];
    await copyRecords(source, target, { onProgress: ({ done }) => progress.push(done) });
    expect(progress).toEqual([TENANTS, TENANTS, TENANTS]); // in each pass
  });

  it('gives up on what others keep on changing at the target, and finds it in the end', async () => {
    const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
    await source.put({ ...newRecord('a'), metadata: { rev: 9 } }, null);
    const state = disturbed(target, async () => {
      await target.delete(newRecord('a'));
      await target.put({ ...newRecord('a'), metadata: { rev: 1 } }, null);
    });
    expect(await copyRecords(source, target)).toMatchObject({
      scanned: 1,
      copied: 0,
      caughtUp: 0,
      verified: 0,
      differentCount: 1,
      different: [{ tenantId: 'a', reason: 'it was changed at the source meanwhile' }],
      complete: false,
    });
    expect(state.writes).toBe(16); // eight times in each of two passes
  });

  it('ends where the target stays away, or fails without saying why', async () => {
    for (const [error, code, writes] of [
      [new VaultError('ERR_STORE_UNAVAILABLE', 'away'), 'ERR_STORE_UNAVAILABLE', 8],
      [new Error('of a driver'), 'ERR_STORE_FAILED', 1],
    ] as const) {
      const { source, target } = await twoStores();
      const state = disturbed(target, () => Promise.reject(error));
      const failed = await rejection(copyRecords(source, target, { concurrency: 1 }));
      expect(failed).toBeInstanceOf(OperationError);
      expect(failed).toMatchObject({ code, cause: error, after: undefined });
      expect(state.writes).toBe(writes);
    }
  });

  it('reads again a record whose own write was lost after the batch had failed', async () => {
    const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
    for (const tenant of ['a', 'b']) await source.put(newRecord(tenant), null);
    const state = disturbed(target, (writes) => {
      if (writes.length > 1) throw new VaultError('ERR_STORE_FAILED', 'refused');
      if (state.writes === 2) throw new VaultError('ERR_STORE_UNAVAILABLE', 'away');
    });
    expect(await copyRecords(source, target)).toMatchObject({ copied: 2, complete: true });
    expect(state.writes).toBe(4);
  });

  it('tries what the target refused once more in the second pass', async () => {
    const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
    await source.put(newRecord('a'), null);
    const state = disturbed(target, () => {
      if (state.writes <= 2) throw new VaultError('ERR_STORE_FAILED', 'refused');
    });
    expect(await copyRecords(source, target)).toMatchObject({
      copied: 0,
      caughtUp: 1,
      failedCount: 0,
      complete: true,
    });
  });

  it('ends where the target refuses a record of the library, which no report names [R8]', async () => {
    const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
    await source.put(newRecord('a', '$settings-migrated'), null);
    disturbed(target, () => Promise.reject(new VaultError('ERR_STORE_FAILED', 'refused')));
    const failed = await rejection(copyRecords(source, target));
    expect(failed).toMatchObject({ code: 'ERR_STORE_FAILED', message: 'refused', after: '2.' });
  });

  it('deletes at the target only what is still as it was read, and counts none of the library', async () => {
    const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
    for (const provider of ['custom', 'other', '$health:x']) {
      await target.put(newRecord('a', provider), null);
    }
    const remove = target.delete.bind(target);
    target.delete = async (ref, expected) => {
      if (ref.provider !== 'other') return remove(ref, expected);
      await remove(ref);
      await target.put(newRecord('a', 'other'), null); // by somebody else
      return remove(ref, expected);
    };
    expect(await copyRecords(source, target, { deleteMissing: true })).toMatchObject({
      deleted: 1,
      onlyAtTargetCount: 1,
      onlyAtTarget: [{ tenantId: 'a', provider: 'other' }],
    });
    expect((await allOf(target)).map(({ provider }) => provider)).toEqual(['other']);
  });

  it('counts nothing of the library that differs, or that only the target has [R8]', async () => {
    const [source, target] = [new MemorySecretStore(), new MemorySecretStore()];
    await source.put({ ...newRecord('a', '$health:x'), metadata: { rev: 1 } }, null);
    await target.put({ ...newRecord('a', '$health:x'), metadata: { rev: 2 } }, null);
    await target.put(newRecord('b', '$health:x'), null);
    expect(await copyRecords(source, target)).toMatchObject({
      differentCount: 0,
      different: [],
      onlyAtTargetCount: 0,
      onlyAtTarget: [],
      complete: true,
    });
  });

  it('says nothing of a difference that a dry run leaves', async () => {
    const { source, target, vault } = await twoStores();
    await copyRecords(source, target);
    await vault.patch('t10', 'custom', { f: 'changed' });
    const report = await copyRecords(source, target, { dryRun: true });
    expect(report).toMatchObject({ copied: 1, verified: TENANTS - 1, differentCount: 0 });
  });

  it('rejects what is no pair of stores, and a foreign after', async () => {
    const { source, target, vault } = await twoStores();
    for (const call of [
      () => copyRecords(source, source),
      () => copyRecords(vault as never, target),
      () => copyRecords(source, undefined as never),
      () => copyRecords(source, target, { after: 'nonsense' }),
      () => copyRecords(source, target, { after: '2.nonsense' }),
      () => copyRecords(source, target, { after: '4.' }),
      () => copyRecords(source, target, { after: '11.' }),
      () => copyRecords(source, target, { after: '' }),
      () => copyRecords(source, { scan: source.scan } as never),
      () => copyRecords(source, target, { batchSize: 0 }),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    expect(await allOf(target)).toEqual([]);
  });
});
