import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { beforeEach, describe, expect, it } from 'vitest';
import { mongoPlace, testFolder } from '../support/cli-places.ts';
import { accountSid, authToken, newKey } from '../support/fixtures.ts';
import {
  expectedOf,
  expectMigrated,
  fillOldDatabase,
  plaintextIn,
} from '../support/old-database.ts';
import { runCli } from '../support/run-cli.ts';

const { db, env: place } = await mongoPlace();
const folder = await testFolder();
const [oldKey, key] = [newKey(), newKey()];
const env = { ...place, APP_ENCRYPTION_KEY: key, APP_DECRYPTION_KEYS: oldKey };
const keys = new Keyring({ encryptionKey: key, decryptionKeys: [oldKey] });
const vault = new SecretsVault({ store: new MongoSecretStore(db), keys });
const [keyId, oldKeyId] = keys.keyIds as [string, string];

beforeEach(async () => {
  await Promise.all([
    db.collection('settings').deleteMany({}),
    db.collection('secrets').deleteMany({}),
  ]);
});

/** Runs a command with --json, and sees to it that no credential is said. */
async function run(args: readonly string[], more: Record<string, string> = {}) {
  const { code, stdout, stderr } = await runCli([...args, '--json'], { env: { ...env, ...more } });
  const credentials = [0, 1, 2, 3].flatMap((n) => {
    const { twilio, sendgrid, smtp } = expectedOf(n);
    return [twilio?.authToken, twilio?.apiSecret, sendgrid?.apiKey, smtp?.password] as string[];
  });
  for (const secret of [...credentials, key, oldKey]) expect(stdout + stderr).not.toContain(secret);
  return { code, stderr, document: JSON.parse(stdout) };
}

describe('migrate', () => {
  const everything = ['migrate', '--secrets', '--erase'];

  it('a dry run finds work, a run does it, and a second one has nothing to do', async () => {
    await fillOldDatabase(db, 8, oldKey);
    const dry = await run([...everything, '--dry-run']);
    expect(dry.code).toBe(3);
    expect(await db.collection('secrets').countDocuments({ 'metadata.rev': 1 })).toBe(0);
    const real = await run([...everything, '--batch-size', '3', '--concurrency', '2']);
    expect(real.code).toBe(0);
    expect(real.document).toEqual(dry.document);
    expect(real.document).toMatchObject({ plaintextRemaining: 0, failedCount: 0 });
    expect(await plaintextIn(db)).toEqual([]);
    await expectMigrated(vault, 8);
    const again = await run([...everything, '--dry-run']);
    expect(again).toMatchObject({ code: 0, document: { migrated: 0, erased: 0 } });
  });

  it('without --erase the plaintext stays, and that is what was asked for', async () => {
    await fillOldDatabase(db, 4, oldKey);
    const { code, document } = await run(['migrate', '--secrets']);
    expect(code).toBe(0);
    expect(document.plaintextRemaining).toBe((await plaintextIn(db)).length);
  });

  it('a conflict remains: exit code 3, named in the text', async () => {
    await vault.put('u', 'twilio', { authToken: authToken(1) });
    await db.collection('settings').insertOne({ user_id: 'u', twilio_auth_token: authToken(2) });
    const { code, stdout } = await runCli(['migrate'], { env });
    expect(code).toBe(3);
    expect(stdout).toMatch(/^ {2}u +twilio\.authToken +the vault holds another value/m);
    expect(stdout).not.toContain(authToken(2));
  });

  it('--tenant and --mapping narrow and widen it', async () => {
    const mapping = join(folder, 'mapping.json');
    await writeFile(mapping, JSON.stringify({ stripe_secret: 'stripe.secretKey' }));
    const documents = ['a', 'b', 'c'].map((user_id) => ({
      user_id,
      stripe_secret: `of ${user_id}`,
    }));
    await db.collection('prefs').insertMany(documents);
    const args = ['migrate', '--settings', 'prefs', '--tenant', 'a', '--tenant', 'c'];
    const { code, document } = await run([...args, '--mapping', mapping]);
    expect({ code, migrated: document.migrated }).toEqual({ code: 0, migrated: 2 });
    expect((await vault.require('c', 'stripe')).reveal()).toEqual({ secretKey: 'of c' });
    expect(await vault.get('b', 'stripe')).toBeUndefined();
    await writeFile(mapping, 'no JSON');
    expect((await run(['migrate', '--mapping', mapping])).code).toBe(2);
    expect((await run(['migrate', '--mapping', join(folder, 'none.json')])).code).toBe(2);
  });

  it('is for MongoDB', async () => {
    const { code } = await run(['migrate'], { PROVIDER_VAULT_STORE: `file:${folder}/s.json` });
    expect(code).toBe(2);
  });

  it('writes nothing when a key is missing or the server is away', async () => {
    await fillOldDatabase(db, 4, oldKey);
    const before = await db.collection('secrets').find().toArray();
    const noKey = await run(everything, { APP_ENCRYPTION_KEY: '' });
    expect(noKey).toMatchObject({ code: 1, document: { error: { code: 'ERR_KEY_MISSING' } } });
    const away = { MONGO_URL: 'mongodb://127.0.0.1:9/crm?serverSelectionTimeoutMS=200' };
    const noServer = await run(everything, away);
    expect(noServer).toMatchObject({
      code: 1,
      document: { error: { code: 'ERR_STORE_UNAVAILABLE' } },
    });
    expect(await db.collection('secrets').find().toArray()).toEqual(before);
  });
});

describe('rotate and verify', () => {
  it('rotate leaves nothing under the old key, and verify says so', async () => {
    await fillOldDatabase(db, 8, oldKey);
    await run(['migrate', '--secrets', '--erase'], {
      APP_ENCRYPTION_KEY: oldKey,
      APP_DECRYPTION_KEYS: key,
    });

    const before = await run(['verify']);
    expect(before.code).toBe(3);
    expect(before.document.keys[oldKeyId].ok).toBeGreaterThan(0);
    const dry = await run(['rotate', '--dry-run']);
    expect(dry.code).toBe(3);
    const real = await run(['rotate', '--batch-size', '5']);
    expect(real).toMatchObject({
      code: 0,
      document: { remaining: 0, rotated: dry.document.rotated },
    });
    expect((await run(['rotate', '--dry-run'])).code).toBe(0);

    const after = await run(['verify']);
    expect(after.code).toBe(0);
    expect(Object.keys(after.document.keys)).toEqual([keyId]);
    expect(after.document).toMatchObject({ safeToRefuseUnbound: true, droppableKeys: [oldKeyId] });
    await expectMigrated(vault, 8);
  });

  it('records that cannot be opened: verify fails, rotate leaves them and says which', async () => {
    const other = new Keyring({ encryptionKey: newKey() });
    const foreign = new SecretsVault({ store: new MongoSecretStore(db), keys: other });
    await foreign.put('lost', 'custom', { a: '1' });
    await vault.put('good', 'custom', { a: '1' });
    const found = await run(['verify']);
    expect(found).toMatchObject({ code: 1, document: { ok: 1, unknownKey: 1 } });
    const { stdout } = await runCli(['verify'], { env });
    expect(stdout).toContain(`ERR_KEY_UNKNOWN (key ${other.encryptionKeyId})`);
    expect(await run(['rotate'])).toMatchObject({
      code: 3,
      document: { failedCount: 1, remaining: 1 },
    });
  });
});

it('Ctrl-C stops between two batches: exit code 130, and the next run does the rest', async () => {
  const documents = Array.from({ length: 3000 }, (_, n) => ({
    user_id: `t${n}`,
    twilio_account_sid: accountSid(n),
    twilio_auth_token: authToken(n),
  }));
  await db.collection('settings').insertMany(documents);
  const args = ['migrate', '--batch-size', '10', '--concurrency', '1'];
  const stopped = await runCli([...args, '--json'], {
    env,
    started: (child) => {
      const poll = setInterval(async () => {
        if ((await db.collection('secrets').countDocuments()) === 0) return;
        clearInterval(poll);
        child.kill('SIGINT');
      }, 20);
    },
  });
  expect(stopped.code).toBe(130);
  expect(stopped.stderr).toContain('Stopping');
  expect(JSON.parse(stopped.stdout).error.code).toBe('ERR_INTERRUPTED');
  const written = await db.collection('secrets').countDocuments();
  expect(written).toBeGreaterThan(0);
  expect(written).toBeLessThan(3000);
  const rest = await run(['migrate']);
  expect(rest).toMatchObject({ code: 0, document: { scanned: 3000, unchanged: 2 * written } });
  expect(await db.collection('secrets').countDocuments()).toBe(3000);
});
