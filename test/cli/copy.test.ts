import pg from 'pg';
import { FileSecretStore, Keyring, SecretsVault } from 'provider-vault';
import { PostgresSecretStore } from 'provider-vault/postgres';
import { afterAll, describe, expect, it } from 'vitest';
import { filePlace, mongoPlace, testFolder } from '../support/cli-places.ts';
import { newKey } from '../support/fixtures.ts';
import { noPostgres, startPostgres } from '../support/postgres-server.ts';
import { runCli } from '../support/run-cli.ts';

const key = newKey();
const { path, env } = await filePlace();
const { env: mongoEnv } = await mongoPlace();
const mongoUri = mongoEnv.MONGO_URL;
const vault = new SecretsVault({
  store: new FileSecretStore(path),
  keys: new Keyring({ encryptionKey: key }),
});
for (let n = 0; n < 30; n++) await vault.put(`t${n}`, 'custom', { f: String(n) });

describe('copy', () => {
  it('copies a file into MongoDB, without a key', async () => {
    const early = await runCli(['copy', '--to', mongoUri, '--json'], { env });
    expect(early.code).toBe(1);
    expect(JSON.parse(early.stdout).error).toMatchObject({ code: 'ERR_STORE_FAILED' });
    await runCli(['init', '--store', mongoUri]);
    const dry = await runCli(['copy', '--to', mongoUri, '--dry-run', '--json'], { env });
    expect(dry.code).toBe(3);
    expect(JSON.parse(dry.stdout)).toMatchObject({ copied: 30, verified: 0 });
    const done = await runCli(['copy', '--to', mongoUri], { env });
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(done.stdout).toContain('Copied: 30 records, and 0 records that changed meanwhile');
    expect(done.stdout).toContain('The same at the source and the target: 30 records');
    const again = await runCli(['copy', '--json'], {
      env: { ...env, PROVIDER_VAULT_TO: mongoUri },
    });
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ copied: 0, upToDate: 30, complete: true });
  });

  it('says what only the target has', async () => {
    await vault.delete('t0', 'custom');
    const left = await runCli(['copy', '--to', mongoUri], { env });
    expect(left.code).toBe(3);
    expect(left.stdout).toMatch(/Only at the target:\n +t0 +custom/);
    const removed = await runCli(['copy', '--to', mongoUri, '--delete-missing'], { env });
    expect(removed.code).toBe(0);
    expect(removed.stdout).toContain('Deleted at the target: 1 record');
  });

  it('deletes nothing when the source has fewer records than expected', async () => {
    const empty = `file:${await testFolder()}/empty.json`;
    await runCli(['init', '--store', empty]);
    const args = ['copy', '--to', mongoUri, '--delete-missing', '--expect-records', '29'];
    const wrong = await runCli([...args, '--store', empty, '--json']);
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.stdout).error.code).toBe('ERR_FEWER_RECORDS');
    const right = await runCli([...args, '--json'], { env });
    expect(right.code).toBe(0);
    expect(JSON.parse(right.stdout)).toMatchObject({ copied: 0, verified: 29, deleted: 0 });
  });

  it('refuses to copy a store onto itself', async () => {
    for (const [store, more] of [
      [`file:${path}`, {}],
      [mongoUri, { PROVIDER_VAULT_STORE: mongoUri }],
    ] as const) {
      const { code, stderr } = await runCli(['copy', '--to', store], { env: { ...env, ...more } });
      expect(code).toBe(2);
      expect(stderr).toContain('The source and the target are the same: ');
    }
    const other = ['copy', '--to', mongoUri, '--to-collection', 'other'];
    await runCli(['init', '--store', mongoUri, '--collection', 'other']);
    const copied = await runCli(other, { env: { ...env, PROVIDER_VAULT_STORE: mongoUri } });
    expect([copied.code, copied.stderr]).toEqual([0, '']);
  });

  it('needs a target that exists, and no password in the process list', async () => {
    expect((await runCli(['copy'], { env })).code).toBe(2);
    const missing = `file:${await testFolder()}/none.json`;
    expect((await runCli(['copy', '--to', missing], { env })).code).toBe(1);
    const secret = 'pass-word';
    const uri = `postgres://user:${secret}@127.0.0.1:1/crm`;
    const { code, stdout, stderr } = await runCli(['copy', '--to', uri], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Warning: everybody .* in --to .* Use PROVIDER_VAULT_TO\.$/m);
    expect(stderr).toMatch(/ERR_STORE_UNAVAILABLE: PostgreSQL: get failed/);
    expect(stdout + stderr).not.toContain(secret);
  });

  it.each([`postgres://user:${'pass%word'}@host:x/crm`, 'postgresql://[::1/crm'])(
    'does not quote a malformed URI: %s',
    async (uri) => {
      const { code, stdout, stderr } = await runCli(['status'], {
        env: { PROVIDER_VAULT_STORE: uri, APP_ENCRYPTION_KEY: key },
      });
      expect(code).toBe(2);
      expect(stderr).toContain('not a valid URI of PostgreSQL');
      expect(stdout + stderr).not.toContain('pass%');
    },
  );
});

describe.skipIf(noPostgres)(`the commands on PostgreSQL (${noPostgres ?? 'found'})`, async () => {
  if (noPostgres) return;
  const server = await startPostgres();
  const pool = new pg.Pool({ connectionString: server.uri });
  pool.on('error', () => {});
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });
  const place = { PROVIDER_VAULT_STORE: server.uri, APP_ENCRYPTION_KEY: key };

  it('work as on any other store', async () => {
    const early = await runCli(['status'], { env: place });
    expect([early.code, early.stderr]).toEqual([
      1,
      'ERR_STORE_FAILED: The database has no table "secrets". Check the name, or make it with `provider-vault init`.\n',
    ]);
    expect((await runCli(['init'], { env: place })).stdout).toBe(
      'PostgreSQL table secrets is ready.\n',
    );
    const copied = await runCli(['copy', '--to', server.uri], { env });
    expect([copied.code, copied.stderr]).toEqual([0, '']);
    expect((await runCli(['verify'], { env: place })).code).toBe(0);
    const set = await runCli(['set', 'acme', 'custom', 'token'], { env: place, input: 'a value' });
    expect([set.code, set.stderr]).toEqual([0, '']);
    const got = await runCli(['get', 'acme', 'custom', '--reveal', '--json'], { env: place });
    expect(got.stdout).toContain('a value');
    const next = newKey();
    const rotating = { ...place, APP_ENCRYPTION_KEY: next, APP_DECRYPTION_KEYS: key };
    expect((await runCli(['rotate'], { env: rotating })).code).toBe(0);
    const store = new PostgresSecretStore((text, values) => pool.query(text, values));
    expect(await store.count()).toBe(30);
    const doctor = await runCli(['doctor', '--json'], {
      env: { ...place, APP_ENCRYPTION_KEY: next },
    });
    expect(doctor.code).toBe(0);
    expect((await runCli(['delete', 'acme', 'custom', '--yes'], { env: rotating })).code).toBe(0);
    const kms = { ...rotating, PROVIDER_VAULT_KMS: 'local' };
    const noKeys = await runCli(['rewrap'], { env: kms });
    expect(noKeys.code).toBe(1);
    expect(noKeys.stderr).toContain('has no table "vault_keys"');
    expect((await runCli(['init'], { env: kms })).code).toBe(0);
    const sealed = await runCli(['set', 'acme', 'custom', 'token'], { env: kms, input: 'x' });
    expect([sealed.code, sealed.stderr]).toEqual([0, '']);
    expect((await pool.query('SELECT tenant_id FROM vault_keys')).rows).toHaveLength(1);
    for (const env of [kms, { ...kms, PROVIDER_VAULT_STORE: mongoUri }]) {
      const mixed = await runCli(['init', '--key-collection', 'secrets'], { env });
      expect([mixed.code, mixed.stderr]).toEqual([
        2,
        expect.stringContaining('The wrapped keys cannot be among the records'),
      ]);
    }
    const other = await runCli(['status', '--collection', 'other'], { env: place });
    expect(other.stderr).toContain('no table "other"');
    expect((await runCli(['status', '--database', 'x'], { env: place })).code).toBe(2);
  });
});
