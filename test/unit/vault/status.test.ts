import {
  defineProvider,
  Keyring,
  type SecretRecord,
  SecretsVault,
  testConnection,
} from 'provider-vault';
import { describe, expect, it, vi } from 'vitest';
import { accountSid, authToken, memoryVault, newKey } from '../../support/fixtures.ts';
import { countingStore } from '../../support/spy-store.ts';
import vectors from '../../vectors/pycryptodome.json' with { type: 'json' };

const twilio = { accountSid: accountSid(1), authToken: authToken(1) };
const none = { env: {} };
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('status of one provider', () => {
  it('shows names and masks of what is configured', async () => {
    const now = new Date('2021-02-03T04:05:06Z');
    const { vault, keys } = memoryVault({ now: () => now });
    await vault.put('acme', 'twilio', twilio, { actor: 'ann' });
    const status = await vault.status('acme', 'twilio', none);
    expect(status).toMatchObject({
      provider: 'twilio',
      state: 'configured',
      missing: [],
      rev: 1,
      keyId: keys.encryptionKeyId,
      updatedAt: now,
      updatedBy: 'ann',
      bound: true,
    });
    expect(status.fields.accountSid).toEqual({ set: true, masked: accountSid(1) });
    expect(status.fields.authToken).toEqual({ set: true, masked: `••••••••${'1f1f'}` });
    expect(status.fields.apiSecret).toEqual({ set: false });
    expect(status).not.toHaveProperty('reason');
  });

  it.each([
    ['', undefined],
    ['a', '••••••••'],
    ['x'.repeat(11), '••••••••'],
    [`${'x'.repeat(8)}1234`, '••••••••1234'],
    [`${'x'.repeat(200)}1234`, '••••••••1234'],
    [`${'🔑'.repeat(11)}`, '••••••••'],
    [`${'🔑'.repeat(12)}`, '••••••••🔑🔑🔑🔑'],
  ])('masks the secret %j as %j', async (value, masked) => {
    const { vault } = memoryVault();
    await vault.put('acme', 'anything', { a: value });
    const { fields } = await vault.status('acme', 'anything', none);
    expect(fields).toEqual({ a: masked === undefined ? { set: false } : { set: true, masked } });
  });

  it('says what is missing, by the shortest way to a complete set', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'twilio', { accountSid: accountSid(1) });
    expect(await vault.status('acme', 'twilio', none)).toMatchObject({
      state: 'incomplete',
      missing: ['authToken'],
    });
    expect(await vault.status('acme', 'sendgrid', none)).toMatchObject({
      state: 'missing',
      missing: ['apiKey'],
      rev: 0,
      bound: undefined,
    });
    await vault.put('acme', 'sendgrid', {});
    expect(await vault.status('acme', 'sendgrid', none)).toMatchObject({
      state: 'missing',
      rev: 1,
    });
  });

  it('says when they expire, and whether they work', async () => {
    const probe = defineProvider({
      name: 'probe',
      fields: {
        token: { label: 'Token', secret: true },
        expiresAt: { label: 'End', secret: false },
      },
      complete: [['token']],
      refresh: { expiresAt: 'expiresAt', exchange: async () => ({}) },
      test: async () => ({ ok: false, code: 'wrong_credentials' }),
    });
    const { vault, store } = memoryVault({ providers: [probe] });
    const expiresAt = '2040-01-02T03:04:05.000Z';
    await vault.put('acme', probe, { token: 'x', expiresAt });
    const before = await vault.status('acme', probe, none);
    expect(before).toMatchObject({ state: 'configured', expiresAt: new Date(expiresAt) });
    expect(before).not.toHaveProperty('health');
    await testConnection(vault, { tenantId: 'acme', provider: probe });
    const getMany = vi.spyOn(store, 'getMany');
    const health = { state: 'failing', code: 'wrong_credentials' };
    expect((await vault.status('acme', probe, none)).health).toMatchObject(health);
    expect(getMany.mock.calls.map(([, options]) => options)).toEqual([{ history: false }]);
    const all = await vault.status('acme', undefined, none);
    expect(all.find(({ provider }) => provider === 'probe')?.health).toMatchObject(health);
    // Of a provider without an end, nothing is said.
    await vault.put('acme', 'custom', { a: '1' });
    const other = await vault.status('acme', 'custom', none);
    for (const member of ['expiresAt', 'health', 'updatedBy']) {
      expect(other).not.toHaveProperty(member);
    }
  });

  it('takes the records as the store gives them, in any order', async () => {
    const { vault, store } = memoryVault();
    await vault.put('default', 'custom', { a: '1' });
    const record = await store.get({ tenantId: 'default', provider: 'custom' });
    const getMany = store.getMany.bind(store);
    await vault.put('default', 'other', { a: '1' });
    store.getMany = async (refs) => {
      const provider = refs[1]?.provider ?? '';
      return [{ ...record, provider } as SecretRecord, ...(await getMany(refs))];
    };
    expect(await vault.status('default', 'custom', none)).toMatchObject({
      state: 'configured',
      rev: 1,
    });
  });

  it('takes a definition', async () => {
    const stripe = defineProvider({
      name: 'stripe',
      fields: { key: { label: 'Key', secret: true }, account: { label: 'A', secret: false } },
      complete: [['key']],
    });
    const { vault } = memoryVault();
    await vault.put('acme', 'stripe', { key: 'short', account: 'acct' });
    expect((await vault.status('acme', stripe, none)).fields.account?.masked).toBe('acct');
    expect((await vault.status('acme', 'stripe', none)).fields.account?.masked).toBe('••••••••');
  });
});

describe('status of a bad record', () => {
  const bad: [string, (record: SecretRecord) => object][] = [
    ['ERR_MALFORMED', (record) => ({ ...record, data: null })],
    ['ERR_MALFORMED', (record) => ({ ...record, data: 'AAAA' })],
    ['ERR_DECRYPTION_FAILED', (record) => ({ ...record, data: 'A'.repeat(80) })],
    ['ERR_KEY_UNKNOWN', (record) => ({ ...record, metadata: { rev: 1, keyId: '00000000' } })],
    ['ERR_BINDING', (record) => ({ ...record, provider: 'sendgrid' })],
    ['ERR_DECRYPTION_FAILED', (record) => ({ ...record, data: 'A'.repeat(80), metadata: 7 })],
  ];

  it.each(bad)('is unreadable: %s', async (reason, spoil) => {
    const { vault, store } = memoryVault();
    await vault.put('acme', 'twilio', twilio);
    await vault.put('acme', 'custom', { a: '1' });
    const ref = { tenantId: 'acme', provider: 'twilio' };
    const record = (await store.get(ref)) as SecretRecord;
    await store.delete(ref);
    const spoilt = spoil(record) as SecretRecord;
    await store.put(spoilt, null);

    const status = await vault.status('acme', spoilt.provider, none);
    expect(status).toMatchObject({ state: 'unreadable', reason, detail: expect.any(String) });
    const all = await vault.status('acme', undefined, none);
    expect(all.find(({ provider }) => provider === spoilt.provider)).toEqual(status);
    expect(all.find(({ provider }) => provider === 'custom')?.state).toBe('configured');
  });

  it('is unreadable when the key provider fails in its own way', async () => {
    const { store, keys, vault } = memoryVault();
    await vault.put('acme', 'custom', { a: '1' });
    const failing = {
      encryptionKey: () => keys.encryptionKey(),
      decryptionKey: () => Promise.reject(new Error('KMS')),
    };
    const other = new SecretsVault({ store, keys: failing });
    expect(await other.status('acme', 'custom', none)).toMatchObject({
      state: 'unreadable',
      reason: 'unexpected',
    });
  });

  it('does not stumble over a provider name that the vault refuses', async () => {
    const { vault, store } = memoryVault();
    await vault.put('acme', 'custom', { a: '1' });
    const record = (await store.get({ tenantId: 'acme', provider: 'custom' })) as SecretRecord;
    await store.put({ ...record, provider: 'constructor' }, null);
    const all = await vault.status('acme', undefined, none);
    expect(all.find(({ provider }) => provider === 'constructor')?.state).toBe('unreadable');
  });
});

describe('unbound records [R4]', () => {
  it.each([
    ['accept', { state: 'configured', bound: false }],
    ['refuse', { state: 'unreadable', bound: false, reason: 'ERR_UNBOUND' }],
  ] as const)('under "%s" are told apart', async (unbound, expected) => {
    const { store } = memoryVault();
    const keys = new Keyring({ encryptionKey: newKey(), decryptionKeys: [vectors.keyB64] });
    const vault = new SecretsVault({ store, keys, unbound });
    const { data } = vectors.open[0] as (typeof vectors.open)[0];
    await store.put({ tenantId: 'default', provider: 'twilio', data }, null);
    expect(await vault.status('default', 'twilio', none)).toMatchObject({ rev: 0, ...expected });
  });
});

describe('status of all', () => {
  it('is of the defined providers, and of others that the tenant has', async () => {
    const { store, calls } = countingStore();
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    await vault.put('acme', 'twilio', twilio);
    await vault.put('acme', 'stripe', { key: 'x' });
    const all = await vault.status('acme', undefined, none);
    expect(all.map(({ provider, state }) => [provider, state])).toEqual([
      ['twilio', 'configured'],
      ['sendgrid', 'missing'],
      ['smtp', 'missing'],
      ['openai', 'missing'],
      ['anthropic', 'missing'],
      ['gemini', 'missing'],
      ['stripe', 'configured'],
    ]);
    expect(calls).toEqual({ get: 2, put: 2, list: 1 });
    await vault.status('acme', 'twilio', none);
    expect(calls).toEqual({ get: 2, put: 2, list: 1, getMany: 1 });
  });
});

describe('the environment', () => {
  const env = { TWILIO_ACCOUNT_SID: accountSid(2), TWILIO_AUTH_TOKEN: authToken(2) };

  it('overrides the tenant default, and shows nothing of itself', async () => {
    const { vault } = memoryVault();
    await vault.put('default', 'twilio', { accountSid: accountSid(1) });
    const status = await vault.status('default', 'twilio', { env });
    expect(status).toMatchObject({ state: 'overridden', missing: [], rev: 1 });
    expect(status.fields.accountSid?.masked).toBe(accountSid(1));
    expect(JSON.stringify(status)).not.toContain(accountSid(2));
  });

  it('overrides others only when told so', async () => {
    const { vault } = memoryVault();
    const stateOf = async (tenant: string, envOverride?: 'all' | 'default' | false) => {
      const options = { env, ...(envOverride !== undefined && { envOverride }) };
      return (await vault.status(tenant, 'twilio', options)).state;
    };
    expect(await stateOf('acme')).toBe('missing');
    expect(await stateOf('acme', 'all')).toBe('overridden');
    expect(await stateOf('default', false)).toBe('missing');
    await expect(stateOf('default', 'maybe' as 'all')).rejects.toThrow(
      code('ERR_INVALID_ARGUMENT'),
    );
  });

  it('that is incomplete shows, as no client can be made', async () => {
    const { vault } = memoryVault();
    await vault.put('default', 'twilio', twilio);
    const half = { env: { TWILIO_ACCOUNT_SID: accountSid(2) } };
    const [status] = await vault.status('default', undefined, half);
    expect(status).toMatchObject({
      provider: 'twilio',
      state: 'incomplete',
      missing: ['authToken'],
      reason: 'ERR_ENV_INCOMPLETE',
      detail: expect.stringContaining('TWILIO_AUTH_TOKEN'),
    });
  });

  it('does not hide that the record cannot be read', async () => {
    const { vault, store } = memoryVault();
    await store.put({ tenantId: 'default', provider: 'twilio', data: 'AAAA' }, null);
    expect(await vault.status('default', 'twilio', { env })).toMatchObject({
      state: 'overridden',
      reason: 'ERR_MALFORMED',
    });
  });
});
