import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import {
  copyRecords,
  Keyring,
  type KeyStore,
  type LongOperationOptions,
  MemoryKeyStore,
  MemorySecretStore,
  migrateFromSettings,
  OperationError,
  reindexLookup,
  renewKeys,
  rotateKeys,
  type ScanRange,
  type SecretRecord,
  type SecretStore,
  SecretsVault,
  type SettingsSource,
  TenantKeys,
  VaultError,
  verifyVault,
} from 'provider-vault';
import { expect, it } from 'vitest';
import { accountSid, newKey } from '../support/fixtures.ts';
import { TestKms } from '../support/test-wrapper.ts';

// Whatever fails or is stopped, at whatever concurrency: who goes on from `after` each time has done
// everything in the end. So everything up to `after` was done each time.

const TENANTS = 24;
const tenants = Array.from({ length: TENANTS }, (_, n) => `t${String(n).padStart(2, '0')}`);

/** What happens at a call of a store, or at a batch of a scan. */
type Event = 'fails' | 'fails after it was done' | 'is away' | 'is stopped';

/** Makes the calls of stores fail as planned; each call takes a while, so that batches overtake. */
class Trouble {
  readonly abort = new AbortController();
  #calls = 0;
  readonly #events: ReadonlyMap<number, Event>;
  readonly #delays: readonly number[];

  constructor(events: ReadonlyMap<number, Event>, delays: readonly number[]) {
    this.#events = events;
    this.#delays = delays;
  }

  async call<T>(work: () => Promise<T>): Promise<T> {
    const at = this.#calls++;
    const event = this.#events.get(at);
    await sleep(this.#delays[at % this.#delays.length]);
    if (event === 'is stopped') this.abort.abort();
    if (event === 'fails') throw new VaultError('ERR_STORE_FAILED', 'planned');
    if (event === 'is away') throw new VaultError('ERR_STORE_UNAVAILABLE', 'planned');
    const result = await work();
    if (event === 'fails after it was done') throw new VaultError('ERR_STORE_FAILED', 'planned');
    return result;
  }

  /** `store`, or any object with `scan` and other methods, whose calls fail as planned. */
  around<S extends object>(store: S): S {
    return new Proxy(store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        if (name === 'scan') return (query: object) => this.#scan(member.call(target, query));
        return (...args: unknown[]) => this.call(async () => member.apply(target, args));
      },
    });
  }

  async *#scan<T>(batches: AsyncIterable<T>): AsyncIterable<T> {
    const iterator = batches[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.call(() => iterator.next());
      if (next.done) return;
      yield next.value;
    }
  }
}

/** An operation over data that is made anew: one run of it, and a check that everything is done. */
interface Scenario {
  run(options: LongOperationOptions, trouble: Trouble): Promise<unknown>;
  expectDone(): Promise<void>;
}

async function recordsOf(store: SecretStore): Promise<SecretRecord[]> {
  const records: SecretRecord[] = [];
  for await (const batch of store.scan({})) records.push(...batch);
  return records;
}

async function filledStore(keys: Keyring): Promise<MemorySecretStore> {
  const store = new MemorySecretStore();
  const vault = new SecretsVault({ store, keys });
  for (const [n, tenant] of tenants.entries()) {
    await vault.put(tenant, 'twilio', { accountSid: accountSid(n) });
    if (n % 3 === 0) await vault.put(tenant, 'custom', { of: tenant });
  }
  return store;
}

const [oldKey, newerKey] = [newKey(), newKey()];
const old = new Keyring({ encryptionKey: oldKey });
const both = new Keyring({ encryptionKey: newerKey, decryptionKeys: [oldKey] });

const scenarios: Record<string, () => Promise<Scenario>> = {
  rotateKeys: async () => {
    const store = await filledStore(old);
    return {
      run: (options, trouble) =>
        rotateKeys(new SecretsVault({ store: trouble.around(store), keys: both }), options),
      expectDone: async () => {
        for (const { metadata } of await recordsOf(store)) {
          expect(metadata?.keyId).toBe(both.encryptionKeyId);
          expect(metadata?.rev).toBe(2); // sealed anew once, and no second time
        }
      },
    };
  },

  reindexLookup: async () => {
    const store = await filledStore(old);
    const lookupKey = newKey();
    return {
      run: (options, trouble) => {
        const vault = new SecretsVault({ store: trouble.around(store), keys: old, lookupKey });
        return reindexLookup(vault, options);
      },
      expectDone: async () => {
        const vault = new SecretsVault({ store, keys: old, lookupKey });
        expect(await verifyVault(vault)).toMatchObject({ lookupMissing: 0 });
      },
    };
  },

  verifyVault: async () => {
    const store = new MemorySecretStore();
    for (const tenantId of tenants) await store.put({ tenantId, provider: 'x', data: '!' }, null);
    const found = new Set<string | undefined>();
    return {
      run: (options, trouble) =>
        verifyVault(new SecretsVault({ store: trouble.around(store), keys: old }), {
          ...options,
          onIssue: ({ tenantId }) => found.add(tenantId),
        }),
      expectDone: async () => expect([...found].sort()).toEqual(tenants),
    };
  },

  copyRecords: async () => {
    const source = await filledStore(old);
    const target = new MemorySecretStore();
    return {
      run: (options, trouble) =>
        copyRecords(trouble.around<SecretStore>(source), trouble.around<SecretStore>(target), {
          ...options,
        }),
      expectDone: async () => expect(await recordsOf(target)).toEqual(await recordsOf(source)),
    };
  },

  migrateFromSettings: async () => {
    const store = new MemorySecretStore();
    const source = settingsWithPlaces();
    return {
      run: (options, trouble) =>
        migrateFromSettings(new SecretsVault({ store: trouble.around(store), keys: old }), {
          ...options,
          settings: trouble.around(source),
          erase: true,
        }),
      expectDone: async () => {
        const vault = new SecretsVault({ store, keys: old });
        for (const [n, tenant] of tenants.entries()) {
          expect((await vault.require(tenant, 'twilio')).accountSid).toBe(accountSid(n));
        }
        expect(source.rows.every((row) => !('twilio_account_sid' in row))).toBe(true);
      },
    };
  },

  'keys.rewrap': async () => {
    const { keyStore, wrapper } = await tenantKeys();
    const next = new TestKms('next-kms');
    return {
      run: (options, trouble) =>
        new TenantKeys({
          wrapper: next,
          previousWrappers: [wrapper],
          store: trouble.around<KeyStore>(keyStore),
        }).rewrap(options),
      expectDone: async () => {
        for await (const batch of keyStore.scan({})) {
          for (const { keys } of batch) expect(keys.map((key) => key.wrapper)).toEqual([next.id]);
        }
      },
    };
  },

  renewKeys: async () => {
    const { keyStore, store, wrapper } = await tenantKeys();
    const before = new Date();
    await sleep(2);
    return {
      run: (options, trouble) => {
        const keys = new TenantKeys({ wrapper, store: trouble.around<KeyStore>(keyStore) });
        const vault = new SecretsVault({ store: trouble.around(store), keys });
        return renewKeys(vault, { ...options, before });
      },
      expectDone: async () => {
        for (const { metadata } of await recordsOf(store)) {
          expect(metadata?.keyId).toMatch(/^t2-/);
        }
      },
    };
  },
};

async function tenantKeys() {
  const [keyStore, wrapper] = [new MemoryKeyStore(), new TestKms()];
  const store = new MemorySecretStore();
  const keys = new TenantKeys({ wrapper, store: keyStore });
  const vault = new SecretsVault({ store, keys });
  for (const tenant of tenants) {
    await vault.put(tenant, 'custom', { of: tenant });
    await vault.put(tenant, 'other', { of: tenant });
  }
  return { keyStore, store, wrapper };
}

function settingsWithPlaces(): SettingsSource & { rows: Record<string, unknown>[] } {
  const rows: Record<string, unknown>[] = tenants.map((user_id, n) => ({
    user_id,
    twilio_account_sid: accountSid(n),
  }));
  return {
    name: 'rows',
    rows,
    async *scan({ batchSize, after = '-1' }) {
      for (let start = Number(after) + 1; start < rows.length; start += batchSize) {
        const page = rows.slice(start, start + batchSize);
        yield page.map((row, n) => ({ id: start + n, values: { ...row }, place: `${start + n}` }));
      }
    },
    async erase(erasures) {
      return erasures.map(({ id, fields }) => {
        const row = rows[id as number] as Record<string, unknown>;
        for (const field of Object.keys(fields)) delete row[field];
        return Object.keys(fields);
      });
    },
  };
}

const event = fc.constantFrom<Event>(
  'fails',
  'fails after it was done',
  'is stopped',
  'is stopped',
  'is away',
);
// The pauses after "is away" take a tenth of a second: few of them.
const run = fc.record({
  batchSize: fc.integer({ min: 1, max: 4 }),
  concurrency: fc.integer({ min: 1, max: 6 }),
  events: fc.array(fc.tuple(fc.nat(24), event), { minLength: 1, maxLength: 2 }),
  // Most calls are fast, so that a slow one is overtaken by several.
  delays: fc.array(fc.constantFrom(0, 0, 0, 8), { minLength: 3, maxLength: 7 }),
});
const shares = fc.oneof(
  fc.constant([{}]),
  fc
    .integer({ min: 2, max: 3 })
    .map((of) => Array.from({ length: of }, (_, index) => ({ part: { index, of } }))),
  fc.uniqueArray(fc.constantFrom(...tenants), { maxLength: 3 }).map(rangesAt),
);

/** Ranges that begin and end in the middle of tenants. */
function rangesAt(bounds: readonly string[]): { range: ScanRange }[] {
  const refs = [...bounds].sort().map((tenantId) => ({ tenantId, provider: 'm' }));
  return [...refs, undefined].map((until, at) => {
    const after = refs[at - 1];
    return { range: { ...(after && { after }), ...(until && { until }) } };
  });
}

it.each(Object.entries(scenarios))(
  '%s: everything up to `after` is done, whatever happens',
  { timeout: 120_000 },
  async (_name, begin) => {
    await fc.assert(
      fc.asyncProperty(
        shares,
        fc.array(run, { maxLength: 4 }),
        fc.integer({ min: 1, max: 6 }),
        async (shares, troubled, concurrency) => {
          const scenario = await begin();
          for (const share of shares) {
            let place: { after?: string } = {};
            for (const { events, delays, ...settings } of troubled) {
              const trouble = new Trouble(new Map(events), delays);
              const options = { ...share, ...settings, ...place, signal: trouble.abort.signal };
              const ended = await scenario.run(options, trouble).catch((error) => error);
              if (ended instanceof OperationError) {
                place = ended.after === undefined ? {} : { after: ended.after };
              } else if (ended instanceof Error) {
                // What is read before an operation begins, such as the keys' check of a migration.
                expect(ended).toMatchObject({ message: 'planned' });
              }
            }
            const options = { ...share, concurrency, ...place };
            await scenario.run(options, new Trouble(new Map(), [0]));
          }
          await scenario.expectDone();
        },
      ),
      { numRuns: 30 },
    );
  },
);
