import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { MongoKeyStore } from 'provider-vault';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { filePlace, mongoPlace } from '../support/cli-places.ts';
import { authToken, newKey } from '../support/fixtures.ts';
import { startAws } from '../support/moto.ts';
import { startVault } from '../support/openbao.ts';
import { runCli } from '../support/run-cli.ts';
import { runOnTerminal } from '../support/terminal.ts';

const vault = await startVault();
afterAll(() => vault.stop());
const { db, env: place } = await mongoPlace();
let key = '';
let env: Record<string, string> = {};
let names = 0;

beforeEach(async () => {
  await db.dropDatabase();
  key = `cli-${names++}`;
  await vault.api('POST', `transit/keys/${key}`, { derived: true });
  const PROVIDER_VAULT_KMS = `vault:${vault.address}/${key}`;
  env = { ...place, PROVIDER_VAULT_KMS, VAULT_TOKEN: vault.rootToken };
});

/** Runs the command, and sees to it that no token or secret is said. */
async function run(args: readonly string[], settings = env, input?: string) {
  const finished = await runCli(args, { env: settings, ...(input !== undefined && { input }) });
  for (const secret of [vault.rootToken, authToken(4), settings.APP_ENCRYPTION_KEY]) {
    if (secret) expect(finished.stdout + finished.stderr).not.toContain(secret);
  }
  return finished;
}
const done = async (args: readonly string[], settings = env, input?: string) => {
  const finished = await run(args, settings, input);
  expect(finished, finished.stderr).toMatchObject({ code: 0 });
  return finished;
};
const json = async (args: readonly string[], settings = env) =>
  JSON.parse((await run([...args, '--json'], settings)).stdout);
const set = (tenant: string, settings = env) =>
  done(['set', tenant, 'twilio', 'authToken'], settings, authToken(4));

interface Line {
  readonly name: string;
  readonly state: string;
  readonly text: string;
  readonly todo?: string;
  readonly details?: Record<string, unknown>;
}
async function doctor(settings = env, ...args: string[]) {
  const { checks } = await json(['doctor', ...args], settings);
  return (name: string) => (checks as Line[]).find((line) => line.name === name);
}

describe('--kms', () => {
  it('seals with keys of tenants, and needs no other key', async () => {
    await done(['init']);
    await set('acme');
    const { fields } = await json(['get', 'acme', 'twilio']);
    expect(Object.keys(fields)).toEqual(['authToken']);
    const [entry] = await db.collection('vault_keys').find().toArray();
    expect(entry).toMatchObject({ _id: 'acme', current: 1 });
    expect(entry?.keys[0].wrapper).toBe(`vault:${vault.address}/transit/${key}`);
    const { keys } = await json(['status']);
    expect(keys).toEqual({ t1: 1 });
    expect((await done(['status'])).stdout).toContain("tenants' own keys");
    expect((await done(['verify'])).stdout).toContain('safe to set');
    expect((await done(['rotate'])).stdout).toContain("Sealed with the tenants' own keys: 0");
  });

  it('is an option, too; its id names the mount', async () => {
    const { PROVIDER_VAULT_KMS = '', ...rest } = env;
    const id = `vault:${vault.address}/transit/${key}`;
    await done(['init', '--kms', PROVIDER_VAULT_KMS], rest);
    await done(['set', 'acme', 'twilio', 'authToken', '--kms', id], rest, authToken(4));
    expect((await run(['get', 'acme', 'twilio'], rest)).stderr).toContain('APP_ENCRYPTION_KEY');
  });

  it('refuses what it does not know, and a key store that does not exist', async () => {
    await done(['init']);
    for (const kms of ['vault', 'vault:app', 'aws:', 'oracle:x', 'gcp:', 'azure:app', 'local:x']) {
      const { code, stderr } = await run(['verify', '--kms', kms]);
      expect({ kms, code, stderr }).toEqual({
        kms,
        code: 2,
        stderr: expect.stringContaining('gcp:'),
      });
    }
    await db.collection('vault_keys').drop();
    const missing = await run(['set', 'acme', 'twilio', 'authToken'], env, authToken(4));
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('"vault_keys"') });
    await done(['init']);
    await set('acme');
    const { VAULT_TOKEN: _, ...without } = env;
    const noToken = await run(['verify'], without);
    expect(noToken).toMatchObject({ code: 2, stderr: expect.stringContaining('VAULT_TOKEN') });
    const { PROVIDER_VAULT_KMS: __, ...none } = env;
    const keyring = { ...none, APP_ENCRYPTION_KEY: newKey() };
    for (const args of [
      ['rewrap'],
      ['erase-tenant', 'acme', '--yes'],
      ['verify', '--seal', 'keyring'],
    ]) {
      const refused = await run(args, keyring);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--kms') });
    }
  });

  it('moves in from a keyring, and back', async () => {
    const { PROVIDER_VAULT_KMS: _, ...none } = env;
    const before = { ...none, APP_ENCRYPTION_KEY: newKey() };
    await done(['init'], before);
    await set('acme', before);
    const both = { ...env, APP_ENCRYPTION_KEY: before.APP_ENCRYPTION_KEY };
    await done(['init'], both);
    expect(await run(['verify'], both)).toMatchObject({ code: 3 });
    expect((await doctor(both))('tenants without a key')).toMatchObject({
      state: 'warn',
      details: { without: 1 },
    });
    expect((await done(['rotate'], both)).stdout).toContain('1 record');
    await done(['verify'], both);
    await done(['get', 'acme', 'twilio']); // without the keyring
    expect(await run(['verify', '--seal', 'keyring'], both)).toMatchObject({ code: 3 });
    await done(['rotate', '--seal', 'keyring'], both);
    await done(['get', 'acme', 'twilio'], before); // without the KMS
  });

  it('keeps the keys elsewhere: in another collection, or in a file', async () => {
    await done(['init', '--key-collection', 'keys']);
    await done(['set', 'acme', 'twilio', 'authToken', '--key-collection', 'keys'], env, 'x');
    expect(await db.collection('keys').countDocuments()).toBe(1);
    await db.dropDatabase();
    const { path } = await filePlace();
    const elsewhere = { ...env, PROVIDER_VAULT_KEY_STORE: `file:${path}` };
    await done(['init']);
    expect(await run(['verify'], elsewhere)).toMatchObject({ code: 1 }); // no such file
    await done(['init'], elsewhere);
    await set('beta', elsewhere);
    await done(['get', 'beta', 'twilio'], elsewhere);
    expect(await db.collection('vault_keys').countDocuments()).toBe(0);
    // The keys of the wrong place open nothing, and nothing is sealed by them.
    const wrong = await run(['set', 'gamma', 'twilio', 'authToken'], env, authToken(4));
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/^ERR_KEY_UNKNOWN/) });
  });

  it('takes the keys of AWS KMS by the credentials of the environment', async () => {
    const aws = await startAws();
    try {
      const { endpoint, region, credentials } = aws.settings;
      const { KeyMetadata } = await new KMSClient(aws.settings).send(new CreateKeyCommand({}));
      const settings = {
        ...place,
        AWS_ENDPOINT_URL: endpoint,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      };
      const byArn = { ...settings, PROVIDER_VAULT_KMS: `aws:${KeyMetadata?.Arn}` };
      await done(['init'], byArn);
      await set('acme', byArn);
      await done(['get', 'acme', 'twilio'], byArn);
      const byId = {
        ...settings,
        AWS_REGION: region,
        PROVIDER_VAULT_KMS: `aws:${KeyMetadata?.KeyId}`,
        PROVIDER_VAULT_PREVIOUS_KMS: `aws:${KeyMetadata?.Arn}`,
      };
      await done(['get', 'acme', 'twilio'], byId);
      expect((await doctor(byId))('KMS key')).toMatchObject({ state: 'pass' });
    } finally {
      await aws.stop();
    }
  });

  it('is local for a keyring in the place of a KMS, also after that was rotated', async () => {
    const { env: file } = await filePlace();
    const first = { ...file, PROVIDER_VAULT_KMS: 'local', APP_ENCRYPTION_KEY: newKey() };
    await done(['init'], first);
    await set('acme', first);
    const second = {
      ...first,
      APP_ENCRYPTION_KEY: newKey(),
      APP_DECRYPTION_KEYS: first.APP_ENCRYPTION_KEY,
    };
    await done(['get', 'acme', 'twilio'], second);
    expect((await doctor(second))('keys per KMS key')).toMatchObject({ state: 'warn' });
    expect((await json(['rewrap'], second)).rewrapped).toBe(1);
    const { APP_DECRYPTION_KEYS: _, ...alone } = second;
    await done(['get', 'acme', 'twilio'], alone);
    const { APP_ENCRYPTION_KEY: __, ...without } = first;
    const refused = await run(['get', 'acme', 'twilio'], without);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^ERR_KEY_MISSING/) });
  });
});

describe('rewrap', () => {
  it('wraps anew after a rotation in the KMS, then has nothing to do', async () => {
    await done(['init']);
    for (const tenant of ['acme', 'beta', 'gamma']) await set(tenant);
    expect(await json(['rewrap'])).toMatchObject({ scanned: 3, upToDate: 3, rewrapped: 0 });
    await vault.api('POST', `transit/keys/${key}/rotate`);
    expect(await json(['rewrap', '--dry-run'])).toMatchObject({ scanned: 3 });
    const text = await done(['rewrap']);
    expect(text.stdout).toContain(`Wrapped anew by vault:${vault.address}/transit/${key}: 3 keys`);
    await vault.api('POST', `transit/keys/${key}/config`, { min_decryption_version: 2 });
    for (const tenant of ['acme', 'beta', 'gamma']) await done(['get', tenant, 'twilio']);
    expect(await json(['rewrap'])).toMatchObject({ upToDate: 3, rewrapped: 0 });
  });

  it('moves from one KMS to another', async () => {
    await done(['init']);
    await set('acme');
    const previous = env.PROVIDER_VAULT_KMS ?? '';
    const next = { ...env, PROVIDER_VAULT_KMS: 'local', APP_ENCRYPTION_KEY: newKey() };
    const unknown = await doctor(next);
    expect(unknown('keys per KMS key')).toMatchObject({
      state: 'fail',
      todo: expect.stringContaining(`vault:${vault.address}/transit/${key}`),
    });
    expect(unknown('records')).toBeUndefined();
    expect((await run(['get', 'acme', 'twilio'], next)).stderr).toContain('previousWrappers');
    const moving = await doctor(next, '--previous-kms', previous);
    expect(moving('previous KMS key')).toMatchObject({ state: 'pass' });
    expect(moving('keys per KMS key')).toMatchObject({
      state: 'warn',
      todo: expect.stringContaining('rewrap'),
    });
    await done(['rewrap', '--previous-kms', previous], next);
    await done(['get', 'acme', 'twilio'], next);
    expect((await doctor(next))('keys per KMS key')).toMatchObject({ state: 'pass' });
  });

  it('says which keys it left, with exit code 3', async () => {
    await done(['init']);
    for (const tenant of ['acme', 'beta']) await set(tenant);
    const beta = await new MongoKeyStore(db).get('beta');
    const moved = { 'keys.0.wrapped': beta?.keys[0]?.wrapped };
    const acme = { _id: 'acme' } as object;
    await db.collection('vault_keys').updateOne(acme, { $set: moved });
    await vault.api('POST', `transit/keys/${key}/rotate`);
    const { code, stdout } = await run(['rewrap', '--json']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      rewrapped: 1,
      failedCount: 1,
      failed: [{ tenantId: 'acme', reason: 'ERR_KEY_INVALID' }],
    });
    expect(await run(['get', 'acme', 'twilio'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^ERR_KEY_INVALID/),
    });
    await done(['get', 'beta', 'twilio']);
  });
});

describe('erase-tenant', () => {
  it('needs --yes without a terminal; what is erased stays erased', async () => {
    await done(['init']);
    for (const tenant of ['acme', 'beta']) await set(tenant);
    for (const more of [[], ['--json']]) {
      expect(await run(['erase-tenant', 'acme', ...more])).toMatchObject({ code: 2 });
    }
    await done(['get', 'acme', 'twilio']);
    const { stdout } = await done(['erase-tenant', 'acme', '--yes']);
    expect(stdout).toBe('Erased tenant "acme": 1 record (twilio), 1 wrapped key.\n');
    expect(await run(['get', 'acme', 'twilio'])).toMatchObject({ code: 1 });
    const again = await run(['set', 'acme', 'twilio', 'authToken'], env, authToken(4));
    expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(/^ERR_KEY_ERASED/) });
    await done(['get', 'beta', 'twilio']);
    expect(await new MongoKeyStore(db).get('acme')).toMatchObject({ keys: [] });
    const events = await db.collection('secrets_audit').find({ action: 'erase' }).toArray();
    expect(events.length).toBeGreaterThan(0);
    expect(await json(['erase-tenant', 'beta', '--yes', '--erase-audit'])).toMatchObject({
      tenantId: 'beta',
      records: 1,
      keys: 1,
      events: expect.any(Number),
    });
  });

  it('wants the name of the tenant typed', async () => {
    await done(['init']);
    await set('acme');
    const ask = 'Type the tenant';
    for (const typed of ['\r', 'ACME\r']) {
      const no = await runOnTerminal(['erase-tenant', 'acme'], [[ask, typed]], env);
      expect(no.shown).toContain('Nothing was erased');
      expect(no.code).toBe(1);
    }
    await done(['get', 'acme', 'twilio']);
    const yes = await runOnTerminal(['erase-tenant', 'acme'], [[ask, 'acme\r']], env);
    expect(yes.code).toBe(0);
    expect(await run(['get', 'acme', 'twilio'])).toMatchObject({ code: 1 });
  });
});

describe('doctor with --kms', () => {
  it('shows the KMS key, tries it, and says what the key store holds', async () => {
    await done(['init']);
    for (const tenant of ['acme', 'beta']) await set(tenant);
    const of = await doctor();
    const id = `vault:${vault.address}/transit/${key}`;
    expect(of('KMS key')).toMatchObject({ state: 'pass', text: `${id} wraps and unwraps` });
    expect(of('keys per KMS key')).toMatchObject({ state: 'pass', details: { [id]: 2 } });
    expect(of('tenants without a key')).toMatchObject({ state: 'pass', details: { with: 2 } });
    expect(of('oldest tenant key')).toMatchObject({ state: 'pass', details: { days: 0 } });
    expect(of('records')).toMatchObject({ state: 'pass' });
    expect(of('encryption key')).toMatchObject({ state: 'pass' });
    await done(['doctor']);
  });

  it('warns of a Transit key that is not derived', async () => {
    await vault.api('POST', 'transit/keys/plain', {});
    await done(['init']);
    const of = await doctor({ ...env, PROVIDER_VAULT_KMS: `vault:${vault.address}/plain` });
    expect(of('KMS key')).toMatchObject({
      state: 'warn',
      text: expect.stringContaining('for any tenant'),
      todo: expect.stringContaining('derived=true'),
    });
  });

  it('fails, names the missing permission, and opens nothing', async () => {
    await done(['init']);
    await set('acme');
    const VAULT_TOKEN = await vault.tokenWith(
      `path "transit/encrypt/${key}" { capabilities = ["update"] }`,
    );
    const { code } = await run(['doctor'], { ...env, VAULT_TOKEN });
    expect(code).toBe(1);
    const of = await doctor({ ...env, VAULT_TOKEN });
    expect(of('KMS key')).toMatchObject({
      state: 'fail',
      text: expect.stringContaining(`"update" on transit/decrypt/${key} is missing`),
    });
    expect(of('keys per KMS key')).toMatchObject({ state: 'pass' });
    expect(of('records')).toBeUndefined();
  });

  it('fails where the key store is missing, and where the KMS key is misspelt', async () => {
    await done(['init']);
    await set('acme');
    await db.collection('vault_keys').drop();
    expect((await doctor())('key store')).toMatchObject({ state: 'fail' });
    const misspelt = await doctor({ ...env, PROVIDER_VAULT_KMS: 'vault' });
    expect(misspelt('keys')).toMatchObject({ state: 'fail' });
  });
});
