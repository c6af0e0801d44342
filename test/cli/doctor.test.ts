import { execFileSync } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ObjectId } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault, seal } from 'provider-vault';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { filePlace, mongoPlace, testFolder } from '../support/cli-places.ts';
import { authToken, newKey } from '../support/fixtures.ts';
import { fillOldDatabase } from '../support/old-database.ts';
import { runCli } from '../support/run-cli.ts';

interface Line {
  readonly name: string;
  readonly state: string;
  readonly text: string;
  readonly todo?: string;
  readonly details?: object;
}

const { db, env: place } = await mongoPlace();
const file = await filePlace();
const key = newKey();
const keyId = new Keyring({ encryptionKey: key }).encryptionKeyId;
const store = new MongoSecretStore(db);
const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
const env = { ...place, APP_ENCRYPTION_KEY: key };

beforeEach(async () => {
  await db.dropDatabase();
});

async function doctor(settings: Record<string, string>, cwd?: string) {
  const options = { env: settings, ...(cwd !== undefined && { cwd }) };
  const { code, stdout } = await runCli(['doctor', '--json'], options);
  expect(stdout).not.toContain(key);
  const checks: Line[] = JSON.parse(stdout).checks;
  for (const { state, todo } of checks) {
    expect(['pass', 'warn', 'fail']).toContain(state);
    if (state === 'pass') expect(todo).toBeUndefined();
    else expect(todo).toMatch(/\w/);
  }
  expect(code).toBe(checks.some(({ state }) => state === 'fail') ? 1 : 0);
  return { checks, of: (name: string) => checks.find((check) => check.name === name) };
}

describe('doctor', () => {
  it('passes a vault that is in order, and says so in text too', async () => {
    await store.init();
    await vault.put('acme', 'custom', { a: '1' });
    const { checks } = await doctor(env);
    expect(checks.filter(({ state }) => state !== 'pass')).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual([
      'Node.js',
      'encryption key',
      'decryption keys',
      'store',
      'index',
      'records',
      'keys in use',
      'unbound',
      'seals',
      'plaintext',
    ]);
    const { code, stdout } = await runCli(['doctor'], { env });
    expect(code).toBe(0);
    expect(stdout).toContain(`pass  encryption key: ${keyId}\n`);
    expect(stdout).toContain(`pass  keys in use: ${keyId}: 1 record\n`);
  });

  it('writes nothing', async () => {
    await doctor(env);
    expect(await db.listCollections().toArray()).toEqual([]);
    await fillOldDatabase(db, 4, key);
    const contents = () =>
      Promise.all(['settings', 'secrets'].map((name) => db.collection(name).find().toArray()));
    const before = await contents();
    await doctor(env);
    expect(await contents()).toEqual(before);
    expect(await db.listCollections().toArray()).toHaveLength(2);
  });

  it.each([
    ['none', {}, 'fail', /keygen/],
    ['of 64 hex digits', { APP_ENCRYPTION_KEY: 'ab'.repeat(32) }, 'fail', /48 bytes.*hex/],
  ])('an encryption key: %s', async (_what, keys: Record<string, string>, state, text) => {
    await store.init();
    const { of } = await doctor({ ...place, ...keys });
    expect(of('encryption key')).toMatchObject({ state, text: expect.stringMatching(text) });
    expect(of('store')).toMatchObject({ state: 'pass' });
    expect(of('records')).toBeUndefined();
  });

  it('names which decryption key is wrong', async () => {
    const { of } = await doctor({ ...env, APP_DECRYPTION_KEYS: `${newKey()}, short` });
    expect(of('encryption key')).toMatchObject({ state: 'pass' });
    expect(of('decryption keys')).toMatchObject({
      state: 'fail',
      text: expect.stringMatching(/Key 2/),
    });
  });

  it('a server that does not answer, and a store that is not named', async () => {
    const away = { ...env, MONGO_URL: 'mongodb://127.0.0.1:9/crm?serverSelectionTimeoutMS=200' };
    expect((await doctor(away)).of('store')).toMatchObject({ state: 'fail' });
    expect((await doctor({ APP_ENCRYPTION_KEY: key })).of('store')).toMatchObject({
      state: 'fail',
    });
  });

  it('an index that is missing', async () => {
    await db.createCollection('secrets');
    expect((await doctor(env)).of('index')).toMatchObject({ state: 'warn' });
  });

  it.each([
    ['not unique', {}, /"old_index".* is not unique/],
    [
      'partial by another filter',
      { unique: true, partialFilterExpression: { provider: 'twilio' } },
      /"old_index".* leaves out records/,
    ],
    ['hidden', { unique: true, hidden: true }, /"old_index".* is hidden/],
    [
      'with a collation',
      { unique: true, collation: { locale: 'en', strength: 2 } },
      /"old_index".* has the collation "en"/,
    ],
  ])('an index that is %s', async (_what, options, text) => {
    const keys = { tenantId: 1, provider: 1 } as const;
    await db.collection('secrets').createIndex(keys, { name: 'old_index', ...options });
    expect((await doctor(env)).of('index')).toMatchObject({
      state: 'fail',
      text: expect.stringMatching(text),
      todo: expect.stringContaining('dropIndex("old_index")'),
    });
  });

  it('two records of one tenant and provider', async () => {
    await db.collection('secrets').insertMany([sealedAt(1), sealedAt(1)]);
    expect((await doctor(env)).of('duplicates')).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('tenant "busy"'),
    });
  });

  it('what the old system left: unbound, in plaintext, without an index', async () => {
    await fillOldDatabase(db, 8, key);
    const { of } = await doctor(env);
    expect(of('unbound')).toMatchObject({
      state: 'warn',
      text: expect.stringMatching(/^2 records/),
    });
    expect(of('keys in use')).toMatchObject({ state: 'warn', details: { none: 2 } });
    expect(of('plaintext')).toMatchObject({ state: 'warn', details: { fields: 80 } });
  });

  it('plaintext before there is a collection of records', async () => {
    await db.collection('settings').insertOne({ user_id: 'u', sender_email: 'crm@u.example' });
    const { of } = await doctor(env);
    expect(of('store')).toMatchObject({ state: 'fail' });
    expect(of('plaintext')).toMatchObject({ state: 'warn', details: { fields: 1, migrated: 1 } });
  });

  it('documents that are neither a record nor plaintext of a user are not "none" [L7]', async () => {
    await db.collection('secrets').insertMany([
      { tenantId: new ObjectId(), provider: 'twilio', twilio_auth_token: authToken(1) },
      { tenantId: 'u', twilio_auth_token: authToken(2) },
      { provider: 'twilio', twilio_auth_token: authToken(3) },
    ]);
    const { of } = await doctor(env);
    expect(of('plaintext')).toMatchObject({ state: 'warn', details: { fields: 3, failures: 3 } });
    for (const args of [['--secrets', '--erase'], ['--secrets']]) {
      await db.createCollection('settings').catch(() => {}); // the second time it is there
      const { code, stdout } = await runCli(['migrate', ...args], { env });
      expect(code).toBe(3);
      expect(stdout).toMatch(/^failures +3$/m);
    }
  });

  it('documents that are no records and hold no plaintext, by their _id [L7]', async () => {
    await store.init();
    const { insertedIds } = await db.collection('secrets').insertMany([
      { tenantId: 7, provider: 'twilio', data: 'x' },
      { tenantId: 'u', data: 'x' },
    ]);
    const plaintext = (await doctor(env)).of('plaintext');
    expect(plaintext).toMatchObject({
      state: 'warn',
      details: { fields: 0, failures: 2 },
      todo: '`provider-vault migrate --secrets --dry-run` lists those that you must decide about.',
    });
    expect(plaintext?.text).toBe(
      `odd documents in secrets: 2 that cannot be migrated: secrets/${insertedIds[0]} (not a record: its tenantId is a number); secrets/${insertedIds[1]} (not a record: its provider is missing)`,
    );
  });

  it('never says to erase while the old system may run, or when only conflicts are left', async () => {
    await db.collection('settings').insertOne({ user_id: 'u', twilio_auth_token: authToken(1) });
    await store.init();
    const first = (await doctor(env)).of('plaintext');
    expect(first?.todo).toContain('migrate --secrets`');
    expect(first?.todo).not.toMatch(/erase/i);
    await runCli(['migrate'], { env });
    expect((await doctor(env)).of('plaintext')?.todo).toMatch(
      /^Once no process of the old system runs, erase them: step 6 of /,
    );
    await vault.put('u', 'twilio', { authToken: authToken(2) });
    expect((await doctor(env)).of('plaintext')).toMatchObject({
      text: expect.stringContaining('1 conflict'),
      todo: expect.not.stringMatching(/erase/i),
    });
  });

  it('a misspelt collection of settings', async () => {
    await store.init();
    const { code, stdout } = await runCli(['doctor', '--settings', 'setings', '--json'], { env });
    expect(code).toBe(1);
    expect(JSON.parse(stdout).checks).toContainEqual(
      expect.objectContaining({ name: 'plaintext', state: 'fail' }),
    );
  });

  it('takes time in proportion to the database, also without an index', async () => {
    const old = (count: number) =>
      Array.from({ length: count }, (_, n) => ({
        user_id: `t${n}`,
        twilio_auth_token: authToken(n),
      }));
    const time = async (count: number) => {
      await db.dropDatabase();
      await db.createCollection('secrets');
      await db.collection('settings').insertMany(old(count));
      const started = performance.now();
      const { of } = await doctor(env);
      expect(of('plaintext')).toMatchObject({ details: { fields: count } });
      return performance.now() - started;
    };
    const [small, large] = [await time(500), await time(4_000)];
    expect(large).toBeLessThan(small * 16 + 1_000); // eight times as much; squared, sixty-four
  });

  it('records of an unknown key, and of one that is being rolled out', async () => {
    await vault.put('acme', 'custom', { a: '1' });
    const unknown = await doctor({ ...place, APP_ENCRYPTION_KEY: newKey() });
    expect(unknown.of('records')).toMatchObject({ state: 'fail', details: { unknownKey: 1 } });
    const rolling = await doctor({
      ...place,
      APP_ENCRYPTION_KEY: newKey(),
      APP_DECRYPTION_KEYS: key,
    });
    expect(rolling.of('records')).toMatchObject({ state: 'pass' });
    expect(rolling.of('keys in use')).toMatchObject({ state: 'warn', details: { [keyId]: 1 } });
  });

  it.each([
    [2 ** 30 - 1, 'pass'],
    [2 ** 30, 'warn'],
    [2 ** 32, 'fail'],
  ])('a key that has sealed %d times: %s [K5]', async (seals, state) => {
    await db
      .collection('secrets')
      .insertOne({ ...sealedAt(seals), metadata: { rev: seals, keyId } });
    expect((await doctor(env)).of('seals')).toMatchObject({ state, details: { [keyId]: seals } });
  });
});

/** A record of that revision, as a vault writes it. */
function sealedAt(rev: number) {
  const ref = { tenantId: 'busy', provider: 'custom' };
  const bind = { t: ref.tenantId, p: ref.provider, r: rev };
  return { ...ref, data: seal(JSON.stringify({ a: '1', $bind: bind }), key) };
}

describe('doctor and files', () => {
  const settings = { ...file.env, APP_ENCRYPTION_KEY: key };

  beforeAll(async () => {
    await runCli(['init'], { env: settings });
  });

  it('a store in a file: for its owner alone', async () => {
    await runCli(['set', 'acme', 'custom', 'a'], { env: settings, input: '1' });
    const name = 'permissions of the store file';
    expect((await doctor(settings)).of(name)).toMatchObject({ state: 'pass' });
    await chmod(file.path, 0o644);
    expect((await doctor(settings)).of(name)).toMatchObject({
      state: 'warn',
      todo: `chmod 600 ${file.path}`,
    });
  });

  it('a key file: for its owner alone', async () => {
    const path = join(await testFolder(), 'key');
    await writeFile(path, `${key}\n`, { mode: 0o644 });
    const { of } = await doctor({ ...file.env, APP_ENCRYPTION_KEY_FILE: path });
    expect(of('encryption key')).toMatchObject({ state: 'pass' });
    expect(of('permissions of the key file')).toMatchObject({ state: 'warn' });
  });

  it('.env: ignored by git, or not, or in no repository', async () => {
    const folder = await testFolder();
    const check = async () => (await doctor(settings, folder)).of('.env and git');
    expect(await check()).toBeUndefined();
    await writeFile(join(folder, '.env'), 'PORT=3000\n');
    await writeFile(join(folder, '.env.example'), `APP_ENCRYPTION_KEY=\n`);
    expect(await check()).toMatchObject({ state: 'pass' });
    execFileSync('git', ['init', '--quiet'], { cwd: folder });
    expect(await check()).toMatchObject({ state: 'warn' });
    await writeFile(join(folder, '.env'), `APP_ENCRYPTION_KEY=${key}\n`);
    expect(await check()).toMatchObject({ state: 'fail' });
    await writeFile(join(folder, '.gitignore'), '.env\n');
    expect(await check()).toMatchObject({ state: 'pass', text: 'git ignores .env' });
  });

  it('.env where git is not installed', async () => {
    const folder = await testFolder();
    await writeFile(join(folder, '.env'), 'PORT=3000\n');
    const bin = join(folder, 'empty');
    await mkdir(bin);
    const { of } = await doctor({ ...settings, PATH: bin }, folder);
    expect(of('.env and git')).toMatchObject({ state: 'warn' });
  });
});
