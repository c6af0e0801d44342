import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { drizzle } from 'drizzle-orm/node-postgres';
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import {
  etag,
  Keyring,
  migrateFromSettings,
  rotateKeys,
  type SecretRecord,
  SecretsVault,
  verifyVault,
} from 'provider-vault';
import { type PostgresQuery, PostgresSecretStore } from 'provider-vault/postgres';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { accountSid, authToken, newKey } from '../support/fixtures.ts';
import { pgFunctions } from '../support/postgres.ts';
import { noPostgres, startPostgres } from '../support/postgres-server.ts';
import { runScript } from '../support/run-script.ts';
import { newRecord, write } from '../support/store-write.ts';

const REF = { tenantId: 'a', provider: 'custom' };
const COLUMNS =
  'tenant_id text COLLATE "C", provider text COLLATE "C", data text COLLATE "C", metadata jsonb, history jsonb, extra jsonb';
const NOT_UNIQUE =
  /does not keep tenant_id and provider unique\. Run: ALTER TABLE "secrets" ADD PRIMARY KEY/;

describe.skipIf(noPostgres)(`PostgreSQL (${noPostgres ?? 'found'})`, async () => {
  if (noPostgres) return;
  const { db } = await testDatabase();
  const server = await startPostgres();
  const pool = new pg.Pool({ connectionString: server.uri, max: 20 });
  const { query, listen } = pgFunctions(pool, server.uri);
  const store = new PostgresSecretStore(query, { listen });
  const sql = async (text: string, values: (string | null)[] = []) =>
    (await pool.query(text, values)).rows;
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });
  beforeEach(async () => {
    await sql('DROP TABLE IF EXISTS secrets');
    await store.init();
  });

  /** A query function on one connection, after some statements of its own. */
  async function session(...settings: string[]) {
    const client = new pg.Client(server.uri);
    await client.connect();
    for (const text of settings) await client.query(text);
    const run: PostgresQuery = (text, values) => client.query(text, values);
    return { run, store: new PostgresSecretStore(run), end: () => client.end() };
  }

  describe('init', () => {
    it('makes one table, by any number of processes at once', async () => {
      for (let round = 0; round < 5; round++) {
        await sql('DROP TABLE secrets');
        await Promise.all(Array.from({ length: 16 }, () => new PostgresSecretStore(query).init()));
      }
      expect(await store.put(newRecord('a'), null)).toBe(true);
    });

    it('makes what schema tells', async () => {
      await sql('CREATE SCHEMA IF NOT EXISTS vault');
      await sql(PostgresSecretStore.schema({ table: 'vault.Records' }));
      const other = new PostgresSecretStore(query, { table: 'vault.Records' });
      await other.init();
      expect(await other.put(newRecord('a'), null)).toBe(true);
      expect(await sql('SELECT tenant_id FROM vault."Records"')).toEqual([{ tenant_id: 'a' }]);
      expect(await store.get(REF)).toBeUndefined();
    });

    it.each([
      ['tenant_id text, provider text', /"secrets" compares tenant_id by the collation default/],
      ['tenant_id text COLLATE "C"', /needs a column provider of type text/],
      [COLUMNS, NOT_UNIQUE],
      [`${COLUMNS}, PRIMARY KEY (tenant_id, provider, data)`, NOT_UNIQUE],
      [`${COLUMNS}, PRIMARY KEY (tenant_id) INCLUDE (provider)`, NOT_UNIQUE],
      [`${COLUMNS}, UNIQUE (tenant_id, provider) DEFERRABLE`, NOT_UNIQUE],
    ])('refuses a table that does not fit: %s', async (columns, message) => {
      await sql('DROP TABLE secrets');
      await sql(`CREATE TABLE secrets (${columns})`);
      const refused = expect(store.init()).rejects;
      await refused.toMatchObject({
        code: 'ERR_STORE_FAILED',
        message: expect.stringMatching(message),
      });
    });

    it('takes a table whose key includes other columns', async () => {
      await sql('DROP TABLE secrets');
      await sql(
        `CREATE TABLE secrets (${COLUMNS}, PRIMARY KEY (provider, tenant_id) INCLUDE (data))`,
      );
      await store.init();
      expect(await store.put(newRecord('a'), null)).toBe(true);
    });

    it('refuses a view', async () => {
      await store.init();
      await sql('CREATE VIEW shown AS SELECT * FROM secrets');
      await expect(new PostgresSecretStore(query, { table: 'shown' }).init()).rejects.toMatchObject(
        {
          code: 'ERR_STORE_FAILED',
          message: expect.stringContaining('"shown" is no table of its own, but a view'),
        },
      );
      await sql('DROP VIEW shown');
    });

    it('does not take anything else of the name for the index of lookups', async () => {
      const prefix = 'x'.repeat(57);
      const indexOf = async (table: string) =>
        sql('SELECT indexname FROM pg_indexes WHERE tablename = $1 AND indexdef LIKE $2', [
          table,
          '%USING gin%',
        ]);
      for (const [first, second] of [
        ['taken_lookup', 'taken'],
        [`${prefix}_a`, `${prefix}_b`],
      ] as const) {
        await new PostgresSecretStore(query, { table: first }).init();
        const other = new PostgresSecretStore(query, { table: second });
        const error = await other.init().catch((e) => e);
        expect(error).toMatchObject({ code: 'ERR_STORE_FAILED' });
        const [, todo = ''] = error.message.split(' Run: ');
        await sql(todo);
        await other.init();
        expect(await indexOf(second)).toHaveLength(1);
      }
      await store.init();
      expect(await indexOf('secrets')).toHaveLength(1);
    });

    it('needs no right to make a table that exists', async () => {
      await sql(`DO $$ BEGIN CREATE ROLE writer; EXCEPTION WHEN duplicate_object THEN END $$`);
      await sql('GRANT SELECT, INSERT, UPDATE, DELETE ON secrets TO writer');
      const { store: writer, end } = await session('SET ROLE writer');
      await writer.init();
      expect(await writer.put(newRecord('a'), null)).toBe(true);
      expect(await writer.delete(REF)).toBe(true);
      await end();
    });

    it.each(['', 'a"; DROP TABLE secrets; --', 'a.b.c', 'a b', 'ä', '1a', 'x'.repeat(64)])(
      'refuses the name %s',
      (table) => {
        const make = () => new PostgresSecretStore(query, { table });
        expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
      },
    );
  });

  describe('compare-and-set', () => {
    it('decides in every isolation level', async () => {
      const sessions = await Promise.all(
        ['serializable', 'repeatable read', 'read committed'].flatMap((level) =>
          Array.from({ length: 3 }, () =>
            session(`SET default_transaction_isolation = '${level}'`),
          ),
        ),
      );
      let expected: string | null = null;
      for (let round = 0; round < 5; round++) {
        const records = sessions.map(() => newRecord('a'));
        const results = await Promise.all(
          sessions.map(({ store }, at) => store.put(records[at] as SecretRecord, expected)),
        );
        expect(results.filter(Boolean)).toHaveLength(1);
        expected = etag(records[results.indexOf(true)] as SecretRecord);
      }
      await Promise.all(sessions.map(({ end }) => end()));
    });

    it('takes many records in any order from many writers', async () => {
      const tenants = Array.from({ length: 40 }, (_, n) => `t${n}`);
      await store.putMany(tenants.map((tenant) => write(tenant)));
      for (let round = 0; round < 3; round++) {
        const stored = await store.getMany(tenants.map((tenantId) => ({ ...REF, tenantId })));
        const writers = Array.from({ length: 6 }, (_, writer) =>
          (writer % 2 ? stored : stored.toReversed()).map((record) =>
            write(record.tenantId, etag(record)),
          ),
        );
        const results = await Promise.all(writers.map((writes) => store.putMany(writes)));
        expect(results.flat().filter(Boolean)).toHaveLength(tenants.length);
      }
    });

    it('takes one address twice, and more than one statement holds', async () => {
      const [first, second] = [newRecord('a'), newRecord('a')];
      const history = [{ rev: 1, data: 'A'.repeat(3 * 1024 * 1024) }];
      const large = ['b', 'c', 'd', 'e'].map((tenant) => ({
        record: newRecord(tenant, 'custom', { history }),
        expected: null,
      }));
      const writes = [
        { record: first, expected: null },
        ...large,
        { record: second, expected: etag(first) },
        write('a'),
      ];
      const results = await store.putMany(writes);
      expect(results).toEqual([true, true, true, true, true, true, false]);
      expect(await store.get(REF)).toEqual(second);
      expect((await store.get({ ...REF, tenantId: 'e' }))?.history).toEqual(history);
    });

    it('loses no patch of eight processes', async () => {
      const key = newKey();
      const processes = Array.from({ length: 8 }, (_, n) =>
        runScript('test/support/workers/patch-many.ts', [server.uri, '', String(n * 5), '5'], {
          APP_ENCRYPTION_KEY: key,
        }),
      );
      for (const { code, stderr } of await Promise.all(processes)) {
        expect([code, stderr]).toEqual([0, '']);
      }
      const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
      const stored = await vault.require('acme', 'custom');
      expect(Object.keys(stored.reveal())).toHaveLength(40);
      expect(stored.meta.rev).toBe(40);
    });
  });

  describe('what is stored', () => {
    it('keeps what other software keeps beside it [R7]', async () => {
      const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
      await vault.put('a', 'custom', { f: '1' }, { actor: 'ann' });
      await sql(
        `UPDATE secrets SET metadata = metadata || '{"theirs": [1]}', extra = '{"also": 2}'`,
      );
      await vault.patch('a', 'custom', { f: '2' });
      const record = await store.get(REF);
      expect(record).toMatchObject({ also: 2, metadata: { rev: 2, theirs: [1] } });
      expect(record?.metadata).not.toHaveProperty('updatedBy');
    });

    it('keeps members of another kind than their column', async () => {
      const odd = { ...REF, data: null, metadata: 'none', history: 'none' } as unknown;
      expect(await store.put(odd as SecretRecord, null)).toBe(true);
      expect(await store.get(REF)).toEqual(odd);
      expect(await store.put(newRecord('a'), etag(newRecord('a')))).toBe(false);
      const next = newRecord('a');
      expect(await store.put(next, '')).toBe(true);
      expect(await store.get(REF)).toEqual(next);
    });

    it('refuses what it cannot keep, and writes nothing', async () => {
      const values = [Buffer.from('x'), 10n, Number.NaN, new Map(), '\0', '\ud800'];
      for (const value of values) {
        const record = { ...newRecord('a'), value };
        const refused = expect(store.putMany([write('b'), { record, expected: null }])).rejects;
        await refused.toMatchObject({ code: 'ERR_STORE_FAILED' });
      }
      expect(await store.count()).toBe(0);
    });

    it('is on the disk when it is acknowledged, whatever the connection says', async () => {
      await sql('CREATE TABLE IF NOT EXISTS seen (value text)');
      await sql(`CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$`);
      await sql(`CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT OR UPDATE OR DELETE ON secrets
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()`);
      const { store: lax, run, end } = await session('SET synchronous_commit = off');
      const record = newRecord('a');
      await lax.put(record, null);
      await lax.put(newRecord('a'), etag(record));
      await lax.delete(REF);
      expect(await sql('SELECT value FROM seen')).toEqual(Array(3).fill({ value: 'on' }));
      expect((await run('SHOW synchronous_commit', [])).rows).toEqual([
        { synchronous_commit: 'off' },
      ]);
      await end();
    });

    it('is split by a sample where there is much of it', async () => {
      const tenants = Array.from({ length: 20_000 }, (_, n) => `t${n}`);
      for (let at = 0; at < tenants.length; at += 2000) {
        await store.putMany(tenants.slice(at, at + 2000).map((tenant) => write(tenant)));
      }
      await sql('ANALYZE secrets');
      const ranges = await store.split(8);
      expect(ranges).toHaveLength(8);
      const sizes: number[] = [];
      for (const range of ranges) {
        let size = 0;
        for await (const batch of store.scan({ ...range, batchSize: 1000 })) size += batch.length;
        sizes.push(size);
      }
      expect(sizes.reduce((sum, size) => sum + size)).toBe(20_000);
      expect(Math.max(...sizes)).toBeLessThan(2 * 2500);
    });
  });

  describe('failures', () => {
    it('name a missing table, and what to do', async () => {
      await sql('DROP TABLE secrets');
      await expect(store.get(REF)).rejects.toMatchObject({
        code: 'ERR_STORE_FAILED',
        message: expect.stringMatching(
          /^PostgreSQL: get failed \(error 42P01\)\. The table "secrets" does not exist: call/,
        ),
      });
    });

    it('show nothing of a statement', async () => {
      await sql('ALTER TABLE secrets ADD CHECK (length(data) < 10)');
      const record = newRecord('tenant-name');
      const wrapped: PostgresQuery = (text, values) =>
        query(text, values).catch((cause) => {
          throw new Error(`Failed query: ${text}\nparams: ${values}`, { cause }); // as Drizzle does
        });
      for (const run of [query, wrapped]) {
        const error = await new PostgresSecretStore(run).put(record, null).catch((e) => e);
        expect(error.message).toMatch(/^PostgreSQL: put failed \(error 23514\)\.$|\(Error 23514\)/);
        const printed = inspect(error, { depth: null, showHidden: true });
        expect(printed).not.toContain(record.data.slice(0, 10));
        expect(printed).not.toContain('tenant-name');
      }
    });

    const failing = (facts: object, message = '') =>
      new PostgresSecretStore(() => Promise.reject(Object.assign(new Error(message), facts)));

    it.each([
      { code: '08006' },
      { code: '57P01' },
      { code: '53300' },
      { code: '57014' },
      { code: '25006' },
      { code: 'ECONNRESET' },
      { code: 'CONNECTION_CLOSED' },
      { code: 'P2010', meta: { code: '57P01' } },
      { code: 'P1001' },
      { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) },
      { message: 'Connection terminated unexpectedly' },
      { message: 'timeout exceeded when trying to connect' },
    ])('may be over soon: %o', async (facts) => {
      await expect(failing(facts).get(REF)).rejects.toMatchObject({
        code: 'ERR_STORE_UNAVAILABLE',
      });
    });

    it.each([{ code: '42501' }, { code: '28P01' }, { code: 'P2010', meta: { code: '23514' } }, {}])(
      'will not be over soon: %o',
      async (facts) => {
        await expect(failing(facts).get(REF)).rejects.toMatchObject({ code: 'ERR_STORE_FAILED' });
      },
    );

    it('say so of a query function that is none', async () => {
      const wrong = (async () => [{ tenant: 'a' }]) as unknown as PostgresQuery;
      await expect(new PostgresSecretStore(wrong).get(REF)).rejects.toMatchObject({
        code: 'ERR_STORE_FAILED',
        message: expect.stringContaining('{ rows }'),
      });
      const none = () => new PostgresSecretStore(undefined as never);
      expect(none).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
    });
  });

  describe('watch', () => {
    it('needs listen', async () => {
      const watching = new PostgresSecretStore(query).watch(() => {});
      await expect(watching).rejects.toMatchObject({ code: 'ERR_STORE_FAILED' });
    });

    it('ends, though the connection that listened is gone', async () => {
      const gone = () => {
        throw new Error('closed');
      };
      const stop = await new PostgresSecretStore(query, { listen: async () => gone }).watch(
        () => {},
      );
      await expect(stop()).resolves.toBeUndefined();
    });

    it('tells of the writes that were done, and of gaps', async () => {
      const told: string[] = [];
      const stop = await store.watch(
        ({ tenantId, provider }) => told.push(`${tenantId} ${provider}`),
        (restored) => {
          told.push('gap');
          restored?.then(() => told.push('over'));
        },
      );
      const other = new PostgresSecretStore(query);
      const record = newRecord('a"\n\'b');
      await other.put(record, null);
      expect(await other.put(newRecord(record.tenantId), null)).toBe(false);
      await other.delete(record);
      await sql(`NOTIFY provider_vault_secrets, 'of other software'`);
      await vi.waitFor(
        () => expect(told).toEqual([...Array(2).fill('a"\n\'b custom'), 'gap']),
        20_000,
      );
      await sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'`,
      );
      await vi.waitFor(() => expect(told.slice(3)).toEqual(['gap', 'over']), 20_000);
      await other.put(newRecord('b'), null);
      await vi.waitFor(() => expect(told.at(-1)).toBe('b custom'), 20_000);
      await stop();
    });

    it('keeps the cache of a vault up to date with another process', async () => {
      const keys = new Keyring({ encryptionKey: newKey() });
      const cached = new SecretsVault({ store, keys, cache: { ttlMs: 600_000, max: 10 } });
      const other = new SecretsVault({ store: new PostgresSecretStore(query), keys });
      await other.put('c', 'custom', { f: 'old' });
      expect((await cached.require('c', 'custom')).f).toBe('old');
      await other.put('c', 'custom', { f: 'new' });
      await vi.waitFor(
        async () => expect((await cached.require('c', 'custom')).f).toBe('new'),
        20_000,
      );
      await cached.close();
    });
  });

  describe('over the raw queries of', () => {
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
    const { $client } = drizzle({ client: pool });
    const adapters: Record<string, PostgresQuery> = {
      Kysely: (text, values) => kysely.executeQuery<object>(CompiledQuery.raw(text, values)),
      Drizzle: (text, values) => $client.query(text, values),
    };
    it.each(Object.entries(adapters))('%s', async (name, run) => {
      const other = new PostgresSecretStore(run, { table: `over_${name}` });
      await expect(other.get(REF)).rejects.toThrow(/42P01/);
      await other.init();
      const at = new Date();
      const record = newRecord('a', 'custom', { metadata: { rev: 1, createdAt: at } });
      expect(await other.putMany([{ record, expected: null }, write('b')])).toEqual([true, true]);
      expect(await other.get(REF)).toEqual(record);
      expect(await other.put(newRecord('a'), etag(newRecord('a')))).toBe(false);
      expect(await other.put(newRecord('a'), etag(record))).toBe(true);
      const ranges = await other.split(2);
      expect(ranges).toHaveLength(2);
      expect(await other.delete(REF)).toBe(true);
      expect(await other.count()).toBe(1);
    });
  });

  describe('under a vault', () => {
    it('serves every operation', async () => {
      const [oldKey, key] = [newKey(), newKey()];
      const before = new SecretsVault({ store, keys: new Keyring({ encryptionKey: oldKey }) });
      const documents = Array.from({ length: 300 }, (_, n) => ({
        user_id: `user-${n}`,
        twilio_account_sid: accountSid(n),
        twilio_auth_token: authToken(n),
      }));
      await db.collection('settings').insertMany(documents);
      const settings = db.collection('settings');
      const migrated = await migrateFromSettings(before, { settings, erase: true });
      expect(migrated).toMatchObject({ failedCount: 0, plaintextRemaining: 0 });
      const user = before.tenant('user-7');
      const { etag: stale } = (await user.require('twilio')).meta;
      await user.patch('twilio', { authToken: authToken(9) });
      const late = user.patch('twilio', { authToken: authToken(8) }, { ifMatch: stale });
      await expect(late).rejects.toMatchObject({ code: 'ERR_CONFLICT' });

      const keys = new Keyring({ encryptionKey: key, decryptionKeys: [oldKey] });
      const both = new SecretsVault({ store, keys });
      const reports = await Promise.all(
        (await store.split(3)).map((range) => rotateKeys(both, { range, batchSize: 7 })),
      );
      expect(reports.map(({ remaining }) => remaining)).toEqual([0, 0, 0]);
      expect(reports.reduce((sum, { rotated }) => sum + rotated, 0)).toBe(300);
      const report = await verifyVault(both);
      expect(report).toMatchObject({ ok: 300, problemCount: 0, safeToRefuseUnbound: true });
      expect(report.droppableKeys).toHaveLength(1);
      expect((await both.rollback('user-7', 'twilio', 1)).rev).toBe(4);
      expect((await both.require('user-7', 'twilio')).authToken).toBe(authToken(7));
      expect(await both.list('user-7')).toHaveLength(1);
      expect(await both.delete('user-7', 'twilio')).toBe(true);
      expect(await both.get('user-7', 'twilio')).toBeUndefined();
    });

    it('loses no acknowledged write when the server is killed', async () => {
      const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
      const acknowledged = new Map<string, number>();
      const failures = new Set<string>();
      let running = true;
      const writers = Array.from({ length: 8 }, async (_, writer) => {
        for (let n = 1; running; n++) {
          try {
            await vault.patch(`t${writer}`, 'custom', { last: String(n) });
            acknowledged.set(`t${writer}`, n);
          } catch (error) {
            failures.add((error as { code: string }).code);
            n--; // sent, and perhaps done: the same value again
            await sleep(20);
          }
        }
      });
      for (let kill = 1; kill <= 5; kill++) {
        await sleep(200 + Math.random() * 200);
        await server.kill();
        await server.start();
      }
      await sleep(200);
      running = false;
      await Promise.all(writers);
      expect([...failures]).toEqual(['ERR_STORE_UNAVAILABLE']);
      expect(acknowledged.size).toBe(8);
      for (const [tenant, last] of acknowledged) {
        expect((await vault.require(tenant, 'custom')).last).toBe(String(last));
      }
      expect(await verifyVault(vault)).toMatchObject({ ok: 8, problemCount: 0 });
    });
  });
});
