import { readFile, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Document, WithId } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault, seal } from 'provider-vault';
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

  it('a tenant outside of the range is not unknown', async () => {
    await fillOldDatabase(db, 4, oldKey);
    for (const tenant of 'abcdefgh') await vault.put(tenant, 'custom', { a: '1' });
    const { stdout } = await runCli(['split', '2'], { env });
    const tenant = String((await db.collection('settings').findOne())?.user_id);
    const codes = [];
    for (const range of stdout.trim().split('\n')) {
      codes.push((await run(['migrate', '--tenant', tenant, '--range', range])).code);
    }
    expect(codes).toEqual([0, 0]);
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

describe('verify claims no more than it knows', () => {
  const sealedByOld = (tenantId: string, sealedWith: string) => ({
    tenantId,
    provider: 'custom',
    data: seal(JSON.stringify({ a: '1' }), sealedWith),
  });

  it('a wrong key is an unknown key, not a forgery', async () => {
    await db.collection('secrets').insertOne(sealedByOld('t', newKey()));
    const { code, document } = await run(['verify']);
    expect(code).toBe(1);
    expect(document).toMatchObject({ unknownKey: 1, tampered: 0, safeToRefuseUnbound: false });
    const { stdout } = await runCli(['verify'], { env });
    expect(stdout).toContain('It is not known whether it is safe');
    const doctor = await runCli(['doctor'], { env });
    expect(doctor.stdout).toContain('of 1 record these cannot be opened: 1 of an unknown key');
    expect(doctor.stdout).not.toContain("it is safe to set unbound: 'refuse'");
  });

  it('an earlier version that cannot be opened counts', async () => {
    await vault.put('t', 'custom', { a: '1' });
    await vault.put('t', 'custom', { a: '2' });
    const lost = {
      'history.0.data': sealedByOld('t', newKey()).data,
      'history.0.keyId': 'deadbeef',
    };
    await db.collection('secrets').updateOne({ tenantId: 't' }, { $set: lost });
    const { code, stdout } = await runCli(['verify'], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(/t +custom revision 1 +ERR_KEY_UNKNOWN \(key deadbeef\)/);
    const doctor = await runCli(['doctor'], { env });
    expect(doctor.stdout).toMatch(/^fail {2}records: .* 1 in the history$/m);
    expect((await run(['rotate'])).code).toBe(3);
  });

  it('a share of the records says nothing of all', async () => {
    await vault.put('t', 'custom', { a: '1' });
    for (const part of ['1/2', '2/2']) {
      const { code, document } = await run(['verify', '--part', part]);
      expect({ code, safe: document.safeToRefuseUnbound }).toEqual({ code: 0, safe: false });
      expect(document.droppableKeys).toEqual([]);
    }
  });
});

describe('an operation that is stopped', () => {
  // four seconds of work
  const migrate = [
    'migrate',
    '--batch-size',
    '10',
    '--concurrency',
    '1',
    '--max-per-second',
    '200',
  ];

  beforeEach(async () => {
    const documents = Array.from({ length: 800 }, (_, n) => ({
      user_id: `t${n}`,
      twilio_account_sid: accountSid(n),
      twilio_auth_token: authToken(n),
    }));
    await db.collection('settings').insertMany(documents);
  });

  /** Runs a command, and sends the signal once it has written some batches. */
  async function stopped(args: readonly string[], signal: NodeJS.Signals) {
    return runCli(args, {
      env,
      started: (child) => {
        const poll = setInterval(async () => {
          if ((await db.collection('secrets').countDocuments()) < 50) return;
          clearInterval(poll);
          child.kill(signal);
        }, 20);
      },
    });
  }

  it('says what it did, and goes on where it stopped', async () => {
    const { code, stdout, stderr } = await stopped([...migrate, '--json'], 'SIGINT');
    expect(code).toBe(130);
    expect(stderr).toContain('Stopping');
    const { error, report, after } = JSON.parse(stdout);
    expect(error.code).toBe('ERR_INTERRUPTED');
    const written = await db.collection('secrets').countDocuments();
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(800);
    expect(report.migrated).toBe(2 * written);
    const rest = await run(['migrate', '--after', after]);
    expect(rest).toMatchObject({ code: 0, document: { scanned: 800 - written, unchanged: 0 } });
    expect(await db.collection('secrets').countDocuments()).toBe(800);
  });

  it('by SIGTERM: exit code 143, and the same in words', async () => {
    const { code, stdout, stderr } = await stopped(migrate, 'SIGTERM');
    expect(code).toBe(143);
    const migrated = /^Until then:[\s\S]*^fields migrated +([\d,]+)$/m.exec(stdout)?.[1];
    const written = await db.collection('secrets').countDocuments();
    expect(Number(migrated?.replace(',', ''))).toBe(2 * written);
    expect(stderr).toMatch(/^ERR_INTERRUPTED: Stopped\./m);
    expect(stderr).toMatch(/add: --after \S+$/m);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'by a %s that comes twice, as npm does',
    async (signal) => {
      for (let n = 0; n < 40; n++) await vault.put(`t${n}`, 'custom', { a: '1' });
      const twice = await runCli(['verify', '--max-per-second', '5', '--json'], {
        env,
        started: (child) => {
          // The first line of its progress: it has begun.
          child.stderr?.once('data', () => {
            for (const ms of [0, 3, 10]) setTimeout(() => child.kill(signal), ms);
          });
        },
      });
      expect(twice.code).toBe(signal === 'SIGINT' ? 130 : 143);
      expect(JSON.parse(twice.stdout)).toHaveProperty('report.scanned');
    },
  );

  it('by an error: the same, with exit code 1', async () => {
    const { env: settings, stop } = await proxied();
    const finished = await runCli([...migrate, '--json'], {
      env: { ...env, ...settings },
      started: () => {
        const poll = setInterval(async () => {
          if ((await db.collection('secrets').countDocuments()) < 50) return;
          clearInterval(poll);
          await stop();
        }, 20);
      },
    });
    expect(finished.code).toBe(1);
    const { error, report, after } = JSON.parse(finished.stdout);
    expect(after).toEqual(expect.any(String));
    expect(error.code).toBe('ERR_STORE_UNAVAILABLE');
    expect(report.scanned).toBeGreaterThan(0);
    expect(await run(['migrate', '--after', after])).toMatchObject({ code: 0 });
    expect(await db.collection('secrets').countDocuments()).toBe(800);
  });
});

describe('the options of long operations', () => {
  async function putRecords(count: number) {
    for (let n = 0; n < count; n++) await vault.put(`t${n}`, 'custom', { a: '1' });
  }

  it('without a terminal, progress is a line every few seconds', async () => {
    await putRecords(14);
    const { code, stdout, stderr } = await runCli(['verify', '--max-per-second', '2', '--json'], {
      env,
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).scanned).toBe(14);
    expect(stderr).toMatch(/^(Verifying: \d+ of 14 \(\d+ %\), \d\/s, \d+ s left\n)+$/);
  });

  it('--part: the shares are disjoint, and together they are the whole', async () => {
    await putRecords(30);
    const shares = [];
    for (const part of ['1/3', '2/3', '3/3']) {
      shares.push((await run(['verify', '--part', part])).document.scanned);
    }
    expect(shares.every((scanned) => scanned > 0 && scanned < 30)).toBe(true);
    expect(shares.reduce((sum, scanned) => sum + scanned, 0)).toBe(30);
  });

  it('--problems-file lists every problem, and no value', async () => {
    const other = new Keyring({ encryptionKey: newKey() });
    const theirs = new SecretsVault({ store: new MongoSecretStore(db), keys: other });
    const count = 1_100;
    const sealed = await theirs.put('t', 'custom', { a: 'planted' }).then(() => firstRecord());
    await db
      .collection('secrets')
      .insertMany(Array.from({ length: count }, (_, n) => ({ ...sealed, tenantId: `t${n}` })));
    const path = join(folder, 'problems.ndjson');
    const { code, document } = await run(['verify', '--problems-file', path]);
    expect(code).toBe(1);
    expect(document.problems).toHaveLength(1_000);
    const text = await readFile(path, 'utf8');
    const problems = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(problems).toHaveLength(count + 1);
    expect(problems[0]).toEqual({
      list: 'problems',
      tenantId: 't',
      provider: 'custom',
      reason: 'ERR_KEY_UNKNOWN',
      keyId: other.encryptionKeyId,
    });
    expect(text).not.toContain('planted');
    const nowhere = ['verify', '--problems-file', join(folder, 'none', 'x')];
    expect((await run(nowhere)).code).toBe(2);
  });

  it('the problems file is for its owner, and never replaces what a file holds', async () => {
    for (let n = 0; n < 3; n++) {
      const record = { tenantId: `t${n}`, provider: 'custom', data: 'no base64' };
      await db.collection('secrets').insertOne(record);
    }
    const path = join(folder, 'kept.ndjson');
    const verify = ['verify', '--batch-size', '1', '--problems-file', path];
    const lines = async () => (await readFile(path, 'utf8')).split('\n');
    await writeFile(path, '', { mode: 0o644 }); // nothing is lost in an empty one
    expect((await run(verify)).code).toBe(1);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await lines()).toHaveLength(4);
    const refused = await run(verify);
    expect(refused.code).toBe(2);
    expect(refused.document.error.message).toContain('is not empty');
    expect(await lines()).toHaveLength(4);

    // A run that goes on after another one adds to its file, also after a line that was cut off.
    await writeFile(path, '{"list":"problems","tenantId":"t0"}\n{"list":"pro');
    const after = Buffer.from('["t0","custom"]').toString('base64url');
    expect((await run([...verify, '--after', after])).document.scanned).toBe(2);
    expect((await lines()).map((line) => line.slice(0, 13))).toEqual([
      '{"list":"prob',
      '{"list":"pro',
      '{"list":"prob',
      '{"list":"prob',
      '',
    ]);

    const foreign = join(folder, 'notes.txt');
    await writeFile(foreign, 'mine');
    const wrong = await run(['verify', '--problems-file', foreign, '--after', after]);
    expect(wrong.code).toBe(2);
    expect(await readFile(foreign, 'utf8')).toBe('mine');
    const { mode } = await stat('/dev/null');
    expect((await run(['verify', '--problems-file', '/dev/null'])).code).toBe(1);
    expect((await stat('/dev/null')).mode).toBe(mode);
  });

  it('a problems file that cannot be written to ends the operation, and says so', async () => {
    const record = { tenantId: 't', provider: 'custom', data: 'no base64' };
    await db.collection('secrets').insertOne(record);
    const { code, document } = await run(['verify', '--problems-file', '/dev/full']);
    expect(code).toBe(1);
    expect(document.error).toEqual({
      code: 'ERR_STORE_FAILED',
      message: 'The problems file /dev/full is not written (ENOSPC).',
    });
  });

  it('split gives ranges, which together are the whole', async () => {
    await putRecords(30);
    const { code, stdout } = await runCli(['split', '4'], { env });
    expect(code).toBe(0);
    const ranges = stdout.trimEnd().split('\n');
    expect(ranges).toHaveLength(4);
    expect((await run(['split', '4'])).document).toEqual({ ranges });
    let scanned = 0;
    for (const range of ranges) {
      const { code, document } = await run([
        'verify',
        '--range',
        range,
        '--max-per-second',
        '99.5',
      ]);
      expect(code).toBe(0);
      expect(document.scanned).toBeLessThan(10);
      scanned += document.scanned;
    }
    expect(scanned).toBe(30);
    for (const wrong of [
      ['split', '0'],
      ['split', 'x'],
      ['verify', '--range', 'a..b'],
    ]) {
      expect((await run(wrong)).code).toBe(2);
    }
  });

  it('--expect-records: a database with fewer is the wrong one', async () => {
    await putRecords(3);
    expect((await run(['rotate', '--expect-records', '3'])).code).toBe(0);
    const short = await run(['rotate', '--expect-records', '1000']);
    expect(short.code).toBe(1);
    expect(short.document).toEqual({
      error: {
        code: 'ERR_FEWER_RECORDS',
        message:
          'It went through 3, and --expect-records says 1,000 at least. Is it the right database?',
      },
      report: expect.objectContaining({ scanned: 3, upToDate: 3 }),
    });
    const { code, stdout, stderr } = await runCli(['verify', '--expect-records', '4'], { env });
    expect(code).toBe(1);
    expect(stdout).toContain('all records');
    expect(stderr).toMatch(/^ERR_FEWER_RECORDS: It went through 3, .* 4 at least/m);
    await db.collection('settings').insertOne({ user_id: 'u', twilio_auth_token: authToken(1) });
    expect((await run(['migrate', '--expect-records', '2'])).code).toBe(1);
  });

  it('--after that is not of this operation is a wrong command line', async () => {
    await putRecords(1);
    expect((await run(['verify', '--after', 'nonsense'])).code).toBe(2);
  });
});

async function firstRecord() {
  const { _id, ...record } = (await db.collection('secrets').findOne()) as WithId<Document>;
  return record;
}

/** The database behind a proxy that can be taken away. */
async function proxied() {
  const { hostname, port, pathname } = new URL(place.MONGO_URL);
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const server = connect(Number(port), hostname);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    client.pipe(server).pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port: own } = proxy.address() as AddressInfo;
  const options = 'directConnection=true&serverSelectionTimeoutMS=500';
  return {
    env: { MONGO_URL: `mongodb://127.0.0.1:${own}${pathname}?${options}` },
    stop: async () => {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
