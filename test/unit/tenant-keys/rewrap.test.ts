import {
  eraseTenant,
  type KeyContext,
  type KeyEntry,
  type KeyWrapper,
  MemoryKeyStore,
  OperationError,
  type RewrapReport,
  TenantKeys,
  VaultError,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { rejection } from '../../support/fixtures.ts';
import { entryOf, tenantVault } from '../../support/tenant-keys.ts';
import { TestKms } from '../../support/test-wrapper.ts';

const TENANTS = Array.from({ length: 30 }, (_, n) => `tenant-${String(n).padStart(2, '0')}`);

async function filled() {
  const all = tenantVault();
  for (const tenant of TENANTS) await all.vault.put(tenant, 'custom', { of: tenant });
  const records: unknown[] = [];
  for await (const batch of all.store.scan({})) records.push(...batch);
  return { ...all, records };
}

async function entries(store: MemoryKeyStore): Promise<KeyEntry[]> {
  const all: KeyEntry[] = [];
  for await (const batch of store.scan({})) all.push(...batch);
  return all;
}

/** A KMS whose key has versions, and which wraps anew without showing the key. */
class VersionedKms extends TestKms implements KeyWrapper {
  version = 1;
  rewraps: number[] = [];
  tenants: string[] = [];
  refused: Buffer | undefined;

  override async wrap(key: Uint8Array): Promise<Uint8Array> {
    return Buffer.concat([Buffer.of(this.version), await super.wrap(key, { tenantId: '' })]);
  }

  override async unwrap(wrapped: Uint8Array): Promise<Uint8Array> {
    return super.unwrap(wrapped.subarray(1), { tenantId: '' });
  }

  async rewrap(
    items: readonly { wrapped: Uint8Array; context: KeyContext }[],
  ): Promise<(Uint8Array | undefined)[]> {
    this.rewraps.push(items.length);
    this.tenants.push(...items.map(({ context }) => context.tenantId));
    if (items.some(({ wrapped }) => this.refused?.equals(wrapped))) {
      await super.unwrap(Buffer.alloc(40), { tenantId: '' });
    }
    return Promise.all(
      items.map(async ({ wrapped }) =>
        wrapped[0] === this.version ? undefined : this.wrap(await this.unwrap(wrapped)),
      ),
    );
  }
}

function stopAfterOne(): never {
  throw new Error('of the caller');
}

describe('rewrap', () => {
  it('moves all keys to another KMS, touches no record, and can be run again', async () => {
    const { kms, keyStore, open, store, records, keys } = await filled();
    await keys.renew('tenant-03');
    const wrapper = new TestKms('new-kms');
    const moving = open({ wrapper, previousWrappers: [kms] });
    const before = await entries(keyStore);
    const progress: number[] = [];
    const onProgress = ({ done }: { done: number }) => progress.push(done);

    const dry = await moving.keys.rewrap({ dryRun: true });
    expect(dry).toMatchObject({ scanned: 31, rewrapped: 31, upToDate: 0, failedCount: 0 });
    expect(await entries(keyStore)).toEqual(before);

    const report = await moving.keys.rewrap({ batchSize: 7, onProgress });
    expect(report).toEqual({ scanned: 31, rewrapped: 31, upToDate: 0, failedCount: 0, failed: [] });
    expect(progress.at(-1)).toBe(31);
    const after = await entries(keyStore);
    expect(after.flatMap(({ keys }) => keys).every(({ wrapper }) => wrapper === 'new-kms')).toBe(
      true,
    );
    // All else stays: numbers, ids, dates.
    const bare = (all: KeyEntry[]) =>
      all.map(({ etag: _, keys, ...rest }) => ({
        ...rest,
        keys: keys.map(({ wrapped: _, wrapper: __, ...key }) => key),
      }));
    expect(bare(after)).toEqual(bare(before));
    const now: unknown[] = [];
    for await (const batch of store.scan({})) now.push(...batch);
    expect(now).toEqual(records);

    const only = open({ wrapper }).vault;
    for (const tenant of TENANTS) expect((await only.require(tenant, 'custom')).of).toBe(tenant);
  });

  it('lets the service wrap anew in batches, with its newest version', async () => {
    const wrapper = new VersionedKms();
    const { keyStore, open } = tenantVault({ wrapper });
    const { keys, vault } = open();
    for (const tenant of TENANTS) await vault.put(tenant, 'custom', { of: tenant });
    wrapper.calls.unwrap = 0;
    expect(await keys.rewrap({ batchSize: 10 })).toMatchObject({ rewrapped: 0, upToDate: 30 });
    wrapper.version = 2;
    const before = await entries(keyStore);
    expect(await keys.rewrap({ dryRun: true })).toMatchObject({ rewrapped: 30, upToDate: 0 });
    expect(await entries(keyStore)).toEqual(before);
    wrapper.rewraps = [];
    wrapper.tenants = [];
    expect(await keys.rewrap({ batchSize: 10 })).toMatchObject({ rewrapped: 30, upToDate: 0 });
    expect(wrapper.rewraps).toEqual([10, 10, 10]);
    expect(wrapper.tenants.sort()).toEqual(TENANTS);
    expect(await keys.rewrap()).toMatchObject({ rewrapped: 0, upToDate: 30 });

    // One that the service refuses fails alone.
    wrapper.version = 3;
    const {
      keys: [stored],
    } = await entryOf(keyStore, 'tenant-05');
    wrapper.refused = Buffer.from(stored?.wrapped as string, 'base64');
    expect(await keys.rewrap({ batchSize: 10 })).toMatchObject({
      scanned: 30,
      rewrapped: 29,
      failedCount: 1,
      failed: [{ tenantId: 'tenant-05', reason: 'ERR_KEY_UNAVAILABLE', keyId: stored?.keyId }],
    });
    const cold = open().vault;
    for (const tenant of TENANTS) expect((await cold.require(tenant, 'custom')).of).toBe(tenant);
  });

  it('sends the service only keys that it wrapped itself', async () => {
    const { kms, keyStore, open } = await filled();
    const wrapper = new VersionedKms('service');
    const { keys } = open({ wrapper, previousWrappers: [kms] });
    expect(await keys.rewrap()).toMatchObject({ scanned: 30, rewrapped: 30, failedCount: 0 });
    expect(wrapper.rewraps).toEqual([]);
    const all = (await entries(keyStore)).flatMap(({ keys }) => keys);
    expect(all.every((key) => key.wrapper === 'service')).toBe(true);
  });

  it('stores what was wrapped anew of a tenant, some of whose keys are up to date', async () => {
    const wrapper = new VersionedKms();
    const { keys, keyStore, vault } = tenantVault({ wrapper });
    await vault.put('acme', 'custom', { a: 'b' });
    wrapper.version = 2;
    await keys.renew('acme');
    expect(await keys.rewrap()).toMatchObject({ scanned: 2, rewrapped: 1, upToDate: 1 });
    expect(await keys.rewrap()).toMatchObject({ scanned: 2, rewrapped: 0, upToDate: 2 });
    const stored = (await entryOf(keyStore)).keys.map(({ wrapped }) => wrapped);
    expect(stored.map((wrapped) => Buffer.from(wrapped, 'base64')[0])).toEqual([2, 2]);
  });

  it('ends where one of several earlier KMSs is down', async () => {
    const { kms, keyStore, open } = tenantVault();
    const second = new TestKms('second-kms');
    await open().vault.put('tenant-00', 'custom', { a: 'b' });
    await open({ wrapper: second }).vault.put('tenant-01', 'custom', { a: 'b' });
    const before = await entries(keyStore);
    second.state = 'down';
    const { keys } = open({ wrapper: new TestKms('new-kms'), previousWrappers: [kms, second] });
    expect(await rejection(keys.rewrap())).toMatchObject({
      code: 'ERR_KEY_UNAVAILABLE',
      report: { scanned: 0, failedCount: 0 },
    });
    expect(await entries(keyStore)).toEqual(before);
  });

  it('ends where the earlier KMS was forgotten', async () => {
    const { open } = await filled();
    expect(await rejection(open({ wrapper: new TestKms('new-kms') }).keys.rewrap())).toMatchObject({
      code: 'ERR_KEY_UNAVAILABLE',
      message: expect.stringContaining('previousWrappers'),
      report: { scanned: 0, failedCount: 0 },
    });
  });

  it('ends while the KMS is down, says where, and goes on from there', async () => {
    const { kms, open } = await filled();
    const wrapper = new TestKms('new-kms');
    const { keys } = open({ wrapper, previousWrappers: [kms] });
    const onProgress = ({ done }: { done: number }) => {
      if (done >= 10) wrapper.state = 'down';
    };
    const error = (await rejection(
      keys.rewrap({ batchSize: 5, concurrency: 1, onProgress }),
    )) as OperationError<RewrapReport>;
    expect(error).toBeInstanceOf(OperationError);
    expect(error.code).toBe('ERR_KEY_UNAVAILABLE');
    expect(error.report.rewrapped).toBeGreaterThanOrEqual(10);
    wrapper.state = 'up';
    const { after } = error;
    const rest = await keys.rewrap({ ...(after !== undefined && { after }) });
    expect(rest.rewrapped).toBe(30 - error.report.rewrapped);
    expect(await keys.rewrap({ dryRun: true })).toMatchObject({ scanned: 30 });
  });

  it('ends where the KMS goes away within a batch: no key of it counts as done', async () => {
    const { kms, keyStore, open } = await filled();
    const wrapper = new TestKms('new-kms');
    let left = 13;
    const previous: KeyWrapper = {
      id: kms.id,
      wrap: (key, context) => kms.wrap(key, context),
      unwrap: (wrapped, context) => {
        if (left-- <= 0) kms.state = 'down';
        return kms.unwrap(wrapped, context);
      },
    };
    const { keys } = open({ wrapper, previousWrappers: [previous] });
    const error = (await rejection(
      keys.rewrap({ batchSize: 10, concurrency: 1 }),
    )) as OperationError<RewrapReport>;
    expect(error).toBeInstanceOf(OperationError);
    expect(error.code).toBe('ERR_KEY_UNAVAILABLE');
    expect(error.report).toMatchObject({ scanned: 10, rewrapped: 10, failedCount: 0 });
    kms.state = 'up';
    left = 1_000;
    await keys.rewrap({ after: error.after as string });
    const all = (await entries(keyStore)).flatMap(({ keys }) => keys);
    expect(all.filter(({ wrapper }) => wrapper !== 'new-kms')).toEqual([]);
  });

  it('tries again what a KMS that answers refused once, and leaves what it refuses twice', async () => {
    const { kms, keyStore, open } = await filled();
    const wrapped = async (tenantId: string) =>
      (await entryOf(keyStore, tenantId)).keys[0]?.wrapped;
    const [once, always] = [await wrapped('tenant-05'), await wrapped('tenant-06')];
    let refused = 0;
    const previous: KeyWrapper = {
      id: kms.id,
      wrap: (key, context) => kms.wrap(key, context),
      unwrap: async (bytes, context) => {
        const text = Buffer.from(bytes).toString('base64');
        if (text === always || (text === once && refused++ === 0)) throw new Error('refused');
        return kms.unwrap(bytes, context);
      },
    };
    const { keys } = open({ wrapper: new TestKms('new-kms'), previousWrappers: [previous] });
    const report = await keys.rewrap();
    expect(report).toMatchObject({ scanned: 30, rewrapped: 29, failedCount: 1 });
    expect(report.failed).toMatchObject([{ tenantId: 'tenant-06', reason: 'ERR_KEY_UNAVAILABLE' }]);
  });

  it.each([[[]], [undefined], [{ length: 0 }], [null]])(
    'takes no answer for "up to date" that lacks keys: %j',
    async (answer) => {
      const kms = new TestKms();
      const wrapper = Object.assign(kms, { rewrap: async () => answer as never });
      const { keys, vault } = tenantVault({ wrapper });
      for (const tenant of TENANTS.slice(0, 3)) await vault.put(tenant, 'custom', { a: 'b' });
      await expect(keys.rewrap()).rejects.toMatchObject({
        code: 'ERR_KEY_UNAVAILABLE',
        report: { upToDate: 0 },
      });
    },
  );

  it('names what it cannot wrap, and leaves it', async () => {
    const { kms, keyStore, open } = await filled();
    const change = async (tenantId: string, change: (entry: KeyEntry) => Partial<KeyEntry>) => {
      const entry = await entryOf(keyStore, tenantId);
      const next = { ...entry, ...change(entry), etag: 'AAAABBBBCCCCDDDD' };
      await keyStore.put(next as KeyEntry, entry.etag);
      return next;
    };
    const moved = (await entryOf(keyStore, 'tenant-01')).keys;
    await change('tenant-02', () => ({ keys: moved }));
    await change('tenant-03', () => ({ current: 'many' as never }));
    await change('tenant-04', ({ keys }) => ({
      keys: keys.map((key) => ({ ...key, wrapper: 'gone' })),
    }));
    const wrapper = new TestKms('new-kms');
    const { keys } = open({ wrapper, previousWrappers: [kms] });
    const issues: unknown[] = [];
    const onIssue = ({ tenantId, reason }: { tenantId: string | undefined; reason: string }) =>
      issues.push([tenantId, reason]);
    const report = await keys.rewrap({ onIssue });
    expect(report).toMatchObject({ scanned: 30, rewrapped: 27, failedCount: 3 });
    expect(issues.sort()).toEqual([
      ['tenant-02', 'ERR_KEY_INVALID'],
      ['tenant-03', 'ERR_KEY_INVALID'],
      ['tenant-04', 'ERR_KEY_UNAVAILABLE'],
    ]);
    expect((await entryOf(keyStore, 'tenant-02')).keys).toEqual(moved);
  });

  it('goes on behind keys that are all invalid', async () => {
    const { kms, keyStore, open, vault } = tenantVault();
    for (const tenant of TENANTS.slice(0, 3)) await vault.put(tenant, 'custom', { of: tenant });
    const moved = (await entryOf(keyStore, 'tenant-02')).keys;
    for (const tenant of TENANTS.slice(0, 2)) {
      const entry = await entryOf(keyStore, tenant);
      await keyStore.put({ ...entry, keys: moved, etag: 'AAAABBBBCCCCDDDD' }, entry.etag);
    }
    const { keys } = open({ wrapper: new TestKms('new-kms'), previousWrappers: [kms] });
    expect(await keys.rewrap({ batchSize: 2 })).toMatchObject({
      scanned: 3,
      rewrapped: 1,
      failed: [
        { tenantId: 'tenant-00', reason: 'ERR_KEY_INVALID' },
        { tenantId: 'tenant-01', reason: 'ERR_KEY_INVALID' },
      ],
    });
  });

  it('names in a dry run what it could not even try, and asks the KMS nothing', async () => {
    const { kms, keyStore, open } = await filled();
    const entry = await entryOf(keyStore, 'tenant-04');
    const gone = entry.keys.map((key) => ({ ...key, wrapper: 'gone' }));
    await keyStore.put({ ...entry, keys: gone, etag: 'AAAABBBBCCCCDDDD' }, entry.etag);
    const { keys } = open({ wrapper: new TestKms('new-kms'), previousWrappers: [kms] });
    kms.calls.unwrap = 0;
    expect(await keys.rewrap({ dryRun: true })).toEqual({
      scanned: 30,
      rewrapped: 29,
      upToDate: 0,
      failedCount: 1,
      failed: [
        {
          tenantId: 'tenant-04',
          provider: undefined,
          reason: 'ERR_KEY_UNAVAILABLE',
          keyId: entry.keys[0]?.keyId,
        },
      ],
    });
    expect(kms.calls.unwrap).toBe(0);
  });

  it('writes nothing more once it is aborted', async () => {
    const { kms, keyStore, open } = await filled();
    const before = await entries(keyStore);
    const abort = new AbortController();
    const wrapper = new TestKms('new-kms');
    const wrap = wrapper.wrap.bind(wrapper);
    wrapper.wrap = (...args) => {
      abort.abort();
      return wrap(...args);
    };
    const { keys } = open({ wrapper, previousWrappers: [kms] });
    const call = keys.rewrap({ signal: abort.signal, concurrency: 1 });
    expect(await rejection(call)).toMatchObject({ code: 'ERR_ABORTED' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await entries(keyStore)).toEqual(before);
  });

  it('wraps nothing that was erased', async () => {
    const { kms, vault, keys, keyStore, open } = await filled();
    await eraseTenant(vault, 'tenant-00');
    await keys.renew('tenant-00');
    const wrapper = new TestKms('new-kms');
    const moving = open({ wrapper, previousWrappers: [kms] });
    expect(await moving.keys.rewrap()).toMatchObject({ scanned: 30, rewrapped: 30 });
    expect((await entryOf(keyStore, 'tenant-00')).keys.map(({ number }) => number)).toEqual([2]);
  });

  it('says of a key that the service rejects as altered that it is invalid', async () => {
    const wrapper = new VersionedKms();
    const { keyStore, open } = tenantVault({ wrapper });
    const { keys, vault } = open();
    for (const tenant of TENANTS.slice(0, 3)) await vault.put(tenant, 'custom', { of: tenant });
    const {
      keys: [stored],
    } = await entryOf(keyStore, 'tenant-01');
    const altered = Buffer.from(stored?.wrapped as string, 'base64');
    const rewrap = wrapper.rewrap.bind(wrapper);
    wrapper.rewrap = async (items) => {
      if (items.some(({ wrapped }) => altered.equals(wrapped))) {
        throw new VaultError('ERR_DECRYPTION_FAILED', 'It was altered.');
      }
      return rewrap(items);
    };
    wrapper.version = 2;
    expect(await keys.rewrap()).toMatchObject({
      scanned: 3,
      rewrapped: 2,
      failed: [{ tenantId: 'tenant-01', reason: 'ERR_KEY_INVALID', keyId: stored?.keyId }],
    });
  });

  it('loses nothing to a renewal or another rewrap at the same time', async () => {
    const { kms, keyStore, open } = await filled();
    const wrapper = new TestKms('new-kms');
    const options = { wrapper, previousWrappers: [kms] };
    const renewing = open(options).keys;
    const [one, other] = [open(options), open(options)];
    await Promise.all([
      one.keys.rewrap({ batchSize: 3 }),
      other.keys.rewrap({ batchSize: 4 }),
      ...TENANTS.slice(0, 10).map((tenant) => renewing.renew(tenant)),
    ]);
    await one.keys.rewrap();
    const all = await entries(keyStore);
    expect(all.flatMap(({ keys }) => keys).every(({ wrapper }) => wrapper === 'new-kms')).toBe(
      true,
    );
    expect(all.filter(({ current }) => current === 2)).toHaveLength(10);
    const cold = open({ wrapper }).vault;
    for (const tenant of TENANTS) expect((await cold.require(tenant, 'custom')).of).toBe(tenant);
  });

  it('leaves the keys of a tenant that another rewrap was first to write', async () => {
    const { kms, keyStore, open, vault } = tenantVault();
    await vault.put('acme', 'custom', { a: 'b' });
    const options = { wrapper: new TestKms('new-kms'), previousWrappers: [kms] };
    const other = open(options).keys;
    const put = keyStore.put.bind(keyStore);
    let theirs: KeyEntry | undefined;
    keyStore.put = async (entry, expected) => {
      keyStore.put = put;
      await other.rewrap();
      theirs = await entryOf(keyStore);
      return put(entry, expected);
    };
    expect(await open(options).keys.rewrap()).toMatchObject({ scanned: 1, failedCount: 0 });
    expect(theirs?.keys).toMatchObject([{ wrapper: 'new-kms' }]);
    expect(await entryOf(keyStore)).toEqual(theirs);
  });

  it('brings back no keys that have gone from the key store meanwhile', async () => {
    const { kms, keyStore, open, vault } = tenantVault();
    await vault.put('acme', 'custom', { a: 'b' });
    let puts = 0;
    keyStore.put = async () => {
      puts++;
      keyStore.get = async () => undefined;
      return false;
    };
    const { keys } = open({ wrapper: new TestKms('new-kms'), previousWrappers: [kms] });
    expect(await keys.rewrap()).toMatchObject({ scanned: 1, failedCount: 0 });
    expect(puts).toBe(1);
  });

  it('checks its options, and shares the work by part', async () => {
    const { keys } = await filled();
    const five = Buffer.from('5').toString('base64url');
    for (const odd of [{ batchSize: 0 }, { after: 'x' }, { after: five }, { range: 'a' }, null]) {
      const error = await rejection(keys.rewrap(odd as never));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      expect(error).not.toBeInstanceOf(OperationError); // before it began
    }
    const parts = await Promise.all(
      [0, 1, 2].map((index) => keys.rewrap({ part: { index, of: 3 } })),
    );
    expect(parts.reduce((sum, { scanned }) => sum + scanned, 0)).toBe(30);
  });

  it('shares the work by the ranges of the records', async () => {
    const { keys, store } = await filled();
    await store.put({ tenantId: 'a', provider: 'custom', data: '' }, null); // has no key
    for (const parts of [1, 4, 7]) {
      const ranges = await store.split(parts);
      const reports = await Promise.all(ranges.map((range) => keys.rewrap({ range })));
      expect(reports).toHaveLength(parts);
      expect(reports.reduce((sum, { scanned }) => sum + scanned, 0)).toBe(30);
    }
    const half = {
      after: { tenantId: 'tenant-09', provider: 'custom' },
      until: { tenantId: 'tenant-19', provider: 'custom' },
    };
    const error = await rejection(
      keys.rewrap({ range: half, batchSize: 3, concurrency: 1, onProgress: stopAfterOne }),
    );
    expect(error).toMatchObject({ report: { scanned: 3 } });
    const { after } = error as OperationError;
    expect(await keys.rewrap({ range: half, after: after as string })).toMatchObject({
      scanned: 7,
    });
    const empty = new TenantKeys({ wrapper: new TestKms(), store: new MemoryKeyStore() });
    expect(await empty.rewrap()).toMatchObject({ scanned: 0 });
  });
});
