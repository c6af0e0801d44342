import { createHmac, createSecretKey, hkdfSync } from 'node:crypto';
import {
  defineProvider,
  type KeyProvider,
  Keyring,
  migrateFromSettings,
  reindexLookup,
  rotateKeys,
  type SecretRecord,
  SecretsVault,
  type SecretsVaultOptions,
  verifyVault,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { normalizeLookup } from '../../../src/core/lookup.ts';
import { audited } from '../../support/audited.ts';
import { accountSid, authToken, memoryVault, newKey, rejection } from '../../support/fixtures.ts';
import { tenantVault } from '../../support/tenant-keys.ts';

const [one, two] = [1, 2].map((n) => ({ accountSid: accountSid(n), authToken: authToken(n) }));
const number = '+14155550100';
const ref = { tenantId: 'acme', provider: 'twilio' };
const phone = (text: string) => ({ ...one, phoneNumber: text });

describe('findTenants', () => {
  it('gives the tenants that have a value, and the digest shows nothing of it', async () => {
    const { vault, store } = memoryVault();
    await vault.put('b', 'twilio', phone(number));
    await vault.put('a', 'twilio', one as object);
    await vault.put('c', 'twilio', two as object);
    await vault.put('c', 'sendgrid', { apiKey: 'SG.x.y', senderEmail: 'Team@Acme.example' });
    expect(await vault.findTenants('twilio', { accountSid: accountSid(1) })).toEqual(['a', 'b']);
    expect(await vault.findTenants('twilio', { accountSid: accountSid(2) })).toEqual(['c']);
    expect(await vault.findTenants('twilio', { accountSid: accountSid(3) })).toEqual([]);
    expect(await vault.findTenants('twilio', { phoneNumber: number })).toEqual(['b']);
    expect(await vault.findTenants('twilio', { whatsappNumber: number })).toEqual([]);
    expect(await vault.findTenants('sendgrid', { senderEmail: 'team@acme.example' })).toEqual([
      'c',
    ]);
    const lookup = (await store.get({ tenantId: 'b', provider: 'twilio' }))?.metadata?.lookup;
    expect(lookup).toHaveLength(2);
    expect(lookup?.[0]).toMatch(/^accountSid:[0-9a-f]{8}:[\w-]{43}$/);
    expect(lookup?.[1]).toMatch(/^phoneNumber:[0-9a-f]{8}:[\w-]{43}$/);
    expect(JSON.stringify(lookup)).not.toContain('11111');
  });

  it.each([
    ['phoneNumber', '+1 (415) 555-0100'],
    ['phoneNumber', ' 0014155550100 '],
    ['phoneNumber', 'whatsapp:+14155550100'],
    ['accountSid', accountSid(1).replaceAll('1', 'a').toUpperCase()],
  ])('takes equal values for equal, however they are written: %s %s', async (field, value) => {
    const { vault } = memoryVault();
    const stored = { ...one, phoneNumber: number, accountSid: `AC${'a'.repeat(32)}` };
    await vault.put('a', 'twilio', stored);
    expect(await vault.findTenants('twilio', { [field]: value })).toEqual(
      field === 'phoneNumber' || field === 'accountSid' ? ['a'] : [],
    );
  });

  it.each([
    [' whatsapp: +1 (415) 555-0100 ', '+14155550100'],
    ['0049 30/1234', '+49301234'],
    ['+1 415 ext 5', '+1 415 ext 5'],
    ['tel +1415', 'tel +1415'],
    ['by whatsapp:+1', 'by whatsapp:+1'],
    ['XY12', 'xy12'],
    ['A1', 'a1'],
    ['DEADBEEF', 'deadbeef'],
    ['AB1Z', 'AB1Z'],
    ['Z-AB1', 'Z-AB1'],
    ['Team@Acme.example', 'team@acme.example'],
    ['Two Words', 'Two Words'],
  ])('compares %j as %j', (value, normal) => {
    expect(normalizeLookup(value)).toBe(normal);
  });

  it('finds by the HMAC that the reference describes, of a key derived by HKDF', async () => {
    const { vault, store, key } = memoryVault();
    await vault.put('acme', 'twilio', one as object);
    const bytes = hkdfSync(
      'sha256',
      createSecretKey(key, 'base64'),
      new Uint8Array(),
      'provider-vault/lookup-key',
      32,
    );
    const { encryptionKeyId } = new Keyring({ encryptionKey: new Uint8Array(bytes) });
    const digest = createHmac('sha256', Buffer.from(bytes))
      .update(`twilio\naccountSid\n${accountSid(1).toLowerCase()}`)
      .digest('base64url');
    expect((await store.get(ref))?.metadata?.lookup).toEqual([
      `accountSid:${encryptionKeyId}:${digest}`,
    ]);
  });

  it('gives each tenant once, in order, whatever the store gives', async () => {
    const { vault, store } = memoryVault();
    store.find = async () => ['b', 'a', 'b'];
    expect(await vault.findTenants('twilio', { accountSid: accountSid(1) })).toEqual(['a', 'b']);
  });

  it('leaves one event for the tenant "*", with the field and no value', async () => {
    const { vault, events } = audited();
    await vault.put('acme', 'twilio', one as object);
    events.length = 0;
    await vault.findTenants('twilio', { accountSid: accountSid(1) }, { actor: 'ann' });
    const subject = { action: 'find', tenantId: '*', provider: 'twilio' };
    expect(events).toEqual([
      expect.objectContaining({ ...subject, fields: ['accountSid'], outcome: 'ok', actor: 'ann' }),
    ]);
    await rejection(vault.findTenants('twilio', { authToken: authToken(1) }));
    expect(events[1]).toMatchObject({ ...subject, code: 'ERR_INVALID_ARGUMENT' });
    expect(JSON.stringify(events)).not.toContain(authToken(1));
  });

  it.each([
    ['twilio', { authToken: authToken(1) }],
    ['twilio', { region: 'ie1' }],
    ['twilio', { accountSid: { $ne: null } }],
    ['twilio', { accountSid: '' }],
    ['twilio', { accountSid: ' \t' }],
    ['twilio', {}],
    ['twilio', { accountSid: accountSid(1), phoneNumber: number }],
    ['twilio', null],
    ['custom', { account: 'x' }],
    [{ name: 'twilio' }, { accountSid: accountSid(1) }],
  ])('rejects what cannot be looked up: %j %j', async (provider, lookup) => {
    const { vault } = memoryVault();
    const error = await rejection(vault.findTenants(provider as 'twilio', lookup as object));
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it('needs a key, and a store with find: it never scans', async () => {
    const { keys, store } = memoryVault();
    const bare: KeyProvider = {
      encryptionKey: () => keys.encryptionKey(),
      decryptionKey: (keyId) => keys.decryptionKey(keyId),
    };
    const vault = new SecretsVault({ store, keys: bare });
    await vault.put('acme', 'twilio', one as object);
    expect((await store.get(ref))?.metadata).not.toHaveProperty('lookup');
    const error = await rejection(vault.findTenants('twilio', { accountSid: accountSid(1) }));
    expect(error).toMatchObject({ code: 'ERR_KEY_MISSING' });
    expect(await rejection(reindexLookup(vault))).toMatchObject({ code: 'ERR_KEY_MISSING' });
    expect(await verifyVault(vault)).toMatchObject({ ok: 1, lookupMissing: 0 });

    // With a key of its own it works.
    const keyed = new SecretsVault({ store, keys: bare, lookupKey: newKey() });
    expect(await reindexLookup(keyed)).toMatchObject({ indexed: 1 });
    expect(await keyed.findTenants('twilio', { accountSid: accountSid(1) })).toEqual(['acme']);

    const without = new Proxy(store, {
      get: (target, name) =>
        name === 'find' || name === 'scan' || name === 'list'
          ? undefined
          : Reflect.get(target, name).bind(target),
    });
    const scanning = new SecretsVault({ store: without, keys });
    const failure = await rejection(scanning.findTenants('twilio', { accountSid: accountSid(1) }));
    expect(failure).toMatchObject({ code: 'ERR_STORE_FAILED' });
  });

  it('works with tenant keys by their keyring, or by a lookupKey', async () => {
    const fields = one as object;
    const bare = tenantVault();
    await bare.vault.put('acme', 'twilio', fields);
    const asked = rejection(bare.vault.findTenants('twilio', { accountSid: accountSid(1) }));
    expect(await asked).toMatchObject({ code: 'ERR_KEY_MISSING' });
    for (const [keys, options] of [
      [{ keyring: new Keyring({ encryptionKey: newKey() }) }, {}],
      [{}, { lookupKey: newKey() }],
    ] as const) {
      const { vault } = tenantVault().open(keys, options);
      for (const tenantId of ['a', 'b']) await vault.put(tenantId, 'twilio', fields);
      const found = await vault.findTenants('twilio', { accountSid: accountSid(1) });
      expect(found).toEqual(['a', 'b']); // one digest, although each has a key of its own
    }
  });

  it('finds by fields of your own provider, registered or not; a secret cannot be one', async () => {
    const field = { label: 'Account', secret: false, lookup: true };
    const own = defineProvider({
      name: 'own',
      fields: { account: field, token: { label: 'Token', secret: true } },
      complete: [['token']],
    });
    const { vault } = memoryVault();
    await vault.put('acme', own, { account: 'x1', token: 't' });
    await vault.patch('acme', own, { token: 'u' });
    expect(await vault.findTenants(own, { account: 'x1' })).toEqual(['acme']);
    expect(() =>
      defineProvider({
        name: 'own',
        fields: { token: { label: 'Token', secret: true, lookup: true } },
        complete: [['token']],
      }),
    ).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });
});

describe('the digests of a record', () => {
  const find = (vault: SecretsVault, n: number) =>
    vault.findTenants('twilio', { accountSid: accountSid(n) });

  it('are kept by every writer: put, patch, applyForm, rollback, purge, rotate, migrate', async () => {
    const { vault, store, keys, key } = memoryVault();
    const entries = async () => (await store.get(ref))?.metadata?.lookup?.length;
    await vault.put('acme', 'twilio', phone(number));
    await vault.put('acme', 'twilio', two as object);
    expect([await find(vault, 1), await find(vault, 2)]).toEqual([[], ['acme']]);
    expect(await vault.findTenants('twilio', { phoneNumber: number })).toEqual([]);
    await vault.patch('acme', 'twilio', { accountSid: accountSid(3), phoneNumber: number });
    expect([await find(vault, 2), await find(vault, 3)]).toEqual([[], ['acme']]);
    await vault.patch('acme', 'twilio', { phoneNumber: null });
    expect(await entries()).toBe(1);
    await vault.applyForm('acme', 'twilio', { whatsappNumber: number });
    expect(await vault.findTenants('twilio', { whatsappNumber: number })).toEqual(['acme']);
    await vault.setSecret('acme', 'twilio_phone_number', number);
    await vault.deleteSecret('acme', 'twilio_whatsapp_number');
    expect(await vault.findTenants('twilio', { whatsappNumber: number })).toEqual([]);
    expect(await vault.findTenants('twilio', { phoneNumber: number })).toEqual(['acme']);
    await vault.put('acme', 'twilio', one as object);
    const [version] = await vault.history('acme', 'twilio');
    await vault.rollback('acme', 'twilio', version?.rev ?? 0);
    expect([await find(vault, 1), await find(vault, 3)]).toEqual([[], ['acme']]);
    await vault.purgeHistory('acme', 'twilio');
    expect(await find(vault, 3)).toEqual(['acme']);

    // A rotation moves them to the new key, before the old one is dropped.
    const newest = newKey();
    const both = new Keyring({ encryptionKey: newest, decryptionKeys: [key] });
    const rotating = new SecretsVault({ store, keys: both });
    expect(await find(rotating, 3)).toEqual(['acme']);
    await rotateKeys(rotating);
    expect(await find(vault, 3)).toEqual([]); // made with a key that this vault lacks
    const after = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newest }) });
    expect(await find(after, 3)).toEqual(['acme']);
    expect(await verifyVault(after)).toMatchObject({ ok: 1, lookupMissing: 0 });

    const settings = {
      name: 'settings',
      async *scan() {
        yield [{ id: '1', values: { user_id: 'm', twilio_account_sid: accountSid(7) } }];
      },
      erase: async () => [],
    };
    const migrated = memoryVault();
    await migrateFromSettings(migrated.vault, { settings });
    expect(await find(migrated.vault, 7)).toEqual(['m']);
    await vault.delete('acme', 'twilio');
    expect(await find(after, 3)).toEqual([]);
    expect(keys.keyIds).toHaveLength(1);
  });

  it('of unchanged fields stay, where a writer lacks their key', async () => {
    const { store, keys } = memoryVault();
    const make = (lookupKey?: string) =>
      new SecretsVault({ store, keys, ...(lookupKey && { lookupKey }) } as SecretsVaultOptions);
    const [keyed, plain] = [make(newKey()), make()];
    await keyed.put('acme', 'twilio', phone(number));
    const wanted = { phoneNumber: number };
    for (const [change, foundByNumber] of [
      [() => plain.patch('acme', 'twilio', { region: 'ie1' }), true],
      [() => plain.put('acme', 'twilio', phone(number)), true],
      [() => plain.put('acme', 'twilio', phone('+14155550199')), false],
    ] as const) {
      await change();
      for (const vault of [keyed, plain]) {
        expect(await find(vault, 1)).toEqual(['acme']);
      }
      expect(await keyed.findTenants('twilio', wanted)).toEqual(foundByNumber ? ['acme'] : []);
    }
    // The number changed: only the writer's own digest is there.
    expect(await plain.findTenants('twilio', { phoneNumber: '+14155550199' })).toEqual(['acme']);
    // A configured key finds what derived keys have indexed, until it is indexed anew.
    expect(await keyed.findTenants('twilio', { phoneNumber: '+14155550199' })).toEqual(['acme']);
    expect(await verifyVault(keyed)).toMatchObject({ lookupMissing: 1 });
    expect(await reindexLookup(keyed)).toMatchObject({ indexed: 1 });
    expect(await verifyVault(keyed)).toMatchObject({ lookupMissing: 0 });
    expect((await store.get(ref))?.metadata?.lookup).toHaveLength(2);
  });

  it('of fields without a value are not made', async () => {
    const own = defineProvider({
      name: 'own',
      fields: { account: { label: 'Account', secret: false, lookup: true } },
      complete: [['account']],
    });
    const { vault, store } = memoryVault();
    for (const account of ['', ' \t']) {
      await vault.put('acme', own, { account });
      const stored = await store.get({ tenantId: 'acme', provider: 'own' });
      expect(stored?.metadata).not.toHaveProperty('lookup');
    }
  });

  it('go with their field, and with content that cannot be opened any more', async () => {
    const { vault, store } = memoryVault();
    const foreign = ['accountSid:00000000:x', 'gone:00000000:x'];
    const entries = async () => (await store.get(ref))?.metadata?.lookup ?? [];
    const change = async (members: object) => {
      const record = await store.get(ref);
      const metadata = { ...record?.metadata, lookup: [...(await entries()), ...foreign] };
      const changed = { ...record, metadata, ...members } as SecretRecord;
      expect(await store.put(changed, record?.data.slice(0, 16) ?? '')).toBe(true);
    };
    await vault.put('acme', 'twilio', one as object);
    const own = await entries();
    await change({});
    await vault.patch('acme', 'twilio', { region: 'ie1' });
    expect(await entries()).toEqual([...own, 'accountSid:00000000:x'].sort());
    await change({ data: Buffer.alloc(40, 7).toString('base64') });
    await vault.put('acme', 'twilio', one as object);
    expect(await entries()).toEqual(own);
  });

  it('that are missing or wrong are counted by verifyVault, and mended by reindexLookup', async () => {
    const { vault, store } = memoryVault();
    for (let n = 0; n < 30; n++) await vault.put(`t${n}`, 'twilio', phone(`+1415555${1000 + n}`));
    await vault.put('t1', 'openai', { apiKey: 'k' });
    for (const tenantId of ['t3', 't4', 't5']) {
      const record = await store.get({ tenantId, provider: 'twilio' });
      const { lookup = [], ...metadata } = record?.metadata ?? {};
      const wrong = tenantId === 't5' ? { lookup: [...lookup, 'accountSid:00000000:x'] } : {};
      const { data: etag = '' } = record ?? {};
      const changed = { ...record, metadata: { ...metadata, ...wrong } };
      expect(await store.put(changed as never, etag.slice(0, 16))).toBe(true);
    }
    // A digest of an unknown key may be somebody else's, and hides nothing.
    expect(await verifyVault(vault)).toMatchObject({ lookupMissing: 2, ok: 31 });
    const before = await vault.list('t3');
    expect(await reindexLookup(vault, { dryRun: true })).toMatchObject({ indexed: 3 });
    const report = await reindexLookup(vault, { batchSize: 7, actor: 'ops' });
    expect(report).toEqual({
      scanned: 31,
      indexed: 3,
      upToDate: 28,
      changed: 0,
      failedCount: 0,
      failed: [],
    });
    expect(await find(vault, 1)).toHaveLength(30);
    const [{ rev, etag } = { rev: 0, etag: '' }] = await vault.list('t3');
    expect(rev).toBe((before[0]?.rev ?? 0) + 1);
    expect(etag).not.toBe(before[0]?.etag); // sealed anew [R6]
    expect(await vault.history('t3', 'twilio')).toEqual([]);
    expect(await reindexLookup(vault)).toMatchObject({ indexed: 0, upToDate: 31 });
  });

  it('survive a writer that is faster than reindexLookup', async () => {
    const { vault, store, keys } = memoryVault();
    await vault.put('acme', 'twilio', one as object);
    const bare = {
      ...keys,
      encryptionKey: () => keys.encryptionKey(),
      decryptionKey: (id?: string) => keys.decryptionKey(id),
    };
    const old = new SecretsVault({ store, keys: bare });
    await old.put('b', 'twilio', one as object);
    const { putMany } = store;
    store.putMany = async (writes) => {
      store.putMany = putMany;
      await old.patch('b', 'twilio', { accountSid: accountSid(2) });
      return store.putMany(writes);
    };
    expect(await reindexLookup(vault)).toMatchObject({ indexed: 1, changed: 0 });
    expect(await find(vault, 2)).toEqual(['b']);
    expect(await find(vault, 1)).toEqual(['acme']);
  });
});
