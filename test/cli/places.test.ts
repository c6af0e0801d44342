import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { mongoPlace, testFolder } from '../support/cli-places.ts';
import { accountSid, newKey } from '../support/fixtures.ts';
import { runCli } from '../support/run-cli.ts';

// A name that does not exist is an error and never an empty vault: `verify` of a misspelt collection
// once said that a key is needed by nothing.

const { db, env: place } = await mongoPlace();
const folder = await testFolder();
const env = { ...place, APP_ENCRYPTION_KEY: newKey() };
const otherDatabase = `${db.databaseName}_misspelt`;
const collections = async () => (await db.listCollections().toArray()).map(({ name }) => name);

beforeEach(async () => {
  await db.dropDatabase();
});

const COMMANDS: readonly (readonly string[])[] = [
  ['status'],
  ['status', 'acme'],
  ['get', 'acme', 'twilio'],
  ['get', 'acme', 'twilio', '--reveal'],
  ['set', 'acme', 'twilio', 'authToken'],
  ['delete', 'acme', 'twilio', '--yes'],
  ['rotate'],
  ['rotate', '--dry-run'],
  ['verify'],
];

describe.each(COMMANDS)('%s %s %s %s', (...words) => {
  const args = words.filter((word) => word !== undefined);

  it.each([
    ['a missing collection', ['--collection', 'secret'], /has no collection "secret"/],
    ['a missing database', ['--database', otherDatabase], /does not exist, or has no collections/],
    ['a missing file', ['--store', `file:${folder}/missing.json`], /missing\.json does not exist/],
    ['a missing folder', ['--store', `file:${folder}/none/x.json`], /x\.json does not exist/],
  ])('%s is an error, and stays missing', async (_what, options, message) => {
    await db.createCollection('secrets');
    const finished = await runCli([...args, ...options, '--json'], { env, input: 'a value' });
    expect(finished.code).toBe(1);
    const { error } = JSON.parse(finished.stdout);
    expect(error.code).toBe('ERR_STORE_FAILED');
    expect(error.message).toMatch(message);
    expect(await collections()).toEqual(['secrets']);
    expect(await db.client.db(otherDatabase).listCollections().toArray()).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('migrate', () => {
  it('of missing settings is an error, and makes nothing', async () => {
    await db.collection('settings').insertOne({ user_id: 'u', twilio_account_sid: accountSid(1) });
    for (const args of [
      ['--settings', 'setings'],
      ['--database', otherDatabase],
    ]) {
      const { code, stdout } = await runCli(['migrate', '--erase', '--json', ...args], { env });
      expect(code).toBe(1);
      expect(JSON.parse(stdout).error.code).toBe('ERR_STORE_FAILED');
      expect(await collections()).toEqual(['settings']);
    }
    expect(await db.client.db(otherDatabase).listCollections().toArray()).toEqual([]);
  });

  it('makes the collection of the records once the settings are found', async () => {
    await db.collection('settings').insertOne({ user_id: 'u', twilio_account_sid: accountSid(1) });
    expect((await runCli(['migrate', '--dry-run'], { env })).code).toBe(3);
    expect(await collections()).toEqual(['settings']);
    expect((await runCli(['migrate'], { env })).code).toBe(0);
    expect(await collections()).toContain('secrets');
    expect((await runCli(['verify'], { env })).code).toBe(0);
  });

  it('of a tenant without a document is an error', async () => {
    await db.collection('settings').insertOne({ user_id: 'u', twilio_account_sid: accountSid(1) });
    const { code, stdout } = await runCli(['migrate', '--tenant', 'uu'], { env });
    expect(code).toBe(1);
    expect(stdout).toBe('No document of the old system belongs to tenant uu.\n');
  });
});

describe('init', () => {
  it('makes the collections, with their indexes', async () => {
    expect((await runCli(['init', '--audit-collection', 'trail'], { env })).code).toBe(0);
    expect((await collections()).sort()).toEqual(['secrets', 'trail']);
    expect(await db.collection('secrets').indexes()).toHaveLength(3);
    expect(await db.collection('trail').indexes()).toHaveLength(2);
    expect((await runCli(['verify'], { env })).code).toBe(0);
  });

  it('makes a file, by its path or by its URL', async () => {
    for (const location of [`file:${folder}/path.json`, `file://${folder}/u%72l.json`]) {
      const settings = { APP_ENCRYPTION_KEY: newKey(), PROVIDER_VAULT_STORE: location };
      expect((await runCli(['init'], { env: settings })).code).toBe(0);
      expect((await runCli(['verify'], { env: settings })).code).toBe(0);
    }
    expect(await readdir(folder)).toEqual(['path.json', 'url.json']);
    await writeFile(join(folder, 'path.json'), '[]');
    const settings = { PROVIDER_VAULT_STORE: `file:${folder}/path.json` };
    expect((await runCli(['init'], { env: settings })).code).toBe(1);
  });
});

describe('doctor', () => {
  it('fails on a store that does not exist, and makes nothing', async () => {
    for (const options of [[], ['--store', `file:${folder}/missing.json`]]) {
      const { code, stdout } = await runCli(['doctor', '--json', ...options], { env });
      expect(code).toBe(1);
      expect(JSON.parse(stdout).checks).toContainEqual(
        expect.objectContaining({
          name: 'store',
          state: 'fail',
          text: expect.stringMatching(/does not exist/),
        }),
      );
    }
    expect(await collections()).toEqual([]);
  });
});
