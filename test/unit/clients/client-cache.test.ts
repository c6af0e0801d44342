import {
  defineClientFactory,
  defineProvider,
  etag,
  getSendGridClient,
  getTwilioClient,
  type KeyProvider,
  type SecretRecord,
  SecretsVault,
} from 'provider-vault';
import twilio from 'twilio';
import { describe, expect, it, vi } from 'vitest';
import { accountSid, authToken, memoryVault, sendgridKey } from '../../support/fixtures.ts';

const stripe = defineProvider({
  name: 'stripe',
  fields: { secretKey: { label: 'Secret key', secret: true, env: 'STRIPE_SECRET_KEY' } },
  complete: [['secretKey']],
});

function counting() {
  const build = vi.fn(({ fields }: { fields: { secretKey: string } }) => ({ ...fields }));
  return { build, get: defineClientFactory(stripe, build) };
}

async function stored(options: object = {}) {
  const made = memoryVault(options);
  await made.vault.put('a', stripe, { secretKey: 'one' });
  return made;
}

describe('a client that is kept', () => {
  it('is served without opening the record', async () => {
    const { keys, store } = await stored();
    const opened = vi.fn((keyId: string | undefined) => keys.decryptionKey(keyId));
    const counted: KeyProvider = {
      encryptionKey: () => keys.encryptionKey(),
      decryptionKey: opened,
    };
    const vault = new SecretsVault({ store, keys: counted });
    const { get } = counting();
    const first = await get(vault, { tenantId: 'a' });
    expect(opened).toHaveBeenCalledTimes(1);
    for (let n = 0; n < 10; n++) expect(await get(vault, { tenantId: 'a' })).toBe(first);
    expect(opened).toHaveBeenCalledTimes(1);

    await vault.put('a', stripe, { secretKey: 'two' });
    expect(await get(vault, { tenantId: 'a' })).toEqual({ secretKey: 'two' });
  });

  it('costs one round trip, new or kept', async () => {
    const { vault, store } = await stored();
    const read = vi.spyOn(store, 'get');
    const { get } = counting();
    await get(vault, { tenantId: 'a' });
    expect(read).toHaveBeenCalledTimes(1);
    await get(vault, { tenantId: 'a' });
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('is shared by options of equal content', async () => {
    const { vault } = await stored();
    const { build, get } = counting();
    const options = () => ({
      tenantId: 'a',
      hosts: ['x', { port: 1 }],
      tls: { ca: ['b'], on: true },
    });
    const { tenantId, tls, hosts } = options();
    const first = await get(vault, options());
    expect(await get(vault, options())).toBe(first);
    expect(await get(vault, { tls, hosts, tenantId } as object)).toBe(first);
    expect(build).toHaveBeenCalledTimes(1);
    for (const others of [['x'], ['x', { port: '1' }], [['x', { port: 1 }]], 'x']) {
      expect(await get(vault, { ...options(), hosts: others } as object)).not.toBe(first);
    }
    // who asks and why is not a part of the client
    expect(await get(vault, { ...options(), actor: 'ada', reason: 'test' })).toBe(first);
  });

  it('does not take the place of other tenants by options with arrays', async () => {
    const { vault } = await stored({ maxClients: 2 });
    await vault.put('b', stripe, { secretKey: 'b' });
    const { build, get } = counting();
    await get(vault, { tenantId: 'b' });
    for (let n = 0; n < 5; n++) await get(vault, { tenantId: 'a', hosts: ['x'] } as object);
    await get(vault, { tenantId: 'b' });
    expect(build).toHaveBeenCalledTimes(2);
  });

  it('is one of at most maxClients', async () => {
    const { vault } = await stored({ maxClients: 2 });
    const { build, get } = counting();
    for (const tenantId of ['b', 'c']) await vault.put(tenantId, stripe, { secretKey: tenantId });
    for (const tenantId of ['a', 'b', 'c', 'c', 'b', 'a']) await get(vault, { tenantId });
    expect(build).toHaveBeenCalledTimes(4); // a was dropped for c
    for (const maxClients of [0, -1, 1.5, '5']) {
      expect(() => memoryVault({ maxClients: maxClients as number })).toThrow(/maxClients/);
    }
  });
});

describe('a client is dropped', () => {
  it.each<[string, (vault: SecretsVault) => unknown]>([
    ['by delete', (vault) => vault.delete('a', 'stripe')],
    ['by invalidate of the record', (vault) => vault.invalidate('a', 'stripe')],
    ['by invalidate of the tenant', (vault) => vault.invalidate('a')],
    ['by invalidate of everything', (vault) => vault.invalidate()],
    ['by close', (vault) => vault.close()],
    ['by another write', (vault) => vault.put('a', stripe, { secretKey: 'one' })],
  ])('%s', async (_what, drop) => {
    const { vault, store } = await stored();
    const { build, get } = counting();
    const record = (await store.get({ tenantId: 'a', provider: 'stripe' })) as SecretRecord;
    const first = await get(vault, { tenantId: 'a' });
    await drop(vault);
    // The same sealed text again, so that only the drop can be the reason for a new client.
    await store.delete({ tenantId: 'a', provider: 'stripe' });
    await store.put(record, null);
    expect(await get(vault, { tenantId: 'a' })).not.toBe(first);
    expect(build).toHaveBeenCalledTimes(2);
  });

  it('not with the tenant beside it, nor with another provider', async () => {
    const { vault } = await stored();
    const { build, get } = counting();
    const first = await get(vault, { tenantId: 'a' });
    vault.invalidate('b');
    vault.invalidate('a', 'twilio');
    await vault.put('a2', stripe, { secretKey: 'x' });
    expect(await get(vault, { tenantId: 'a' })).toBe(first);
    expect(build).toHaveBeenCalledTimes(1);
  });

  it('also when the delete comes between reading the record and building the client', async () => {
    const { vault, store } = await stored();
    const { build, get } = counting();
    const read = store.get.bind(store);
    const record = (await read({ tenantId: 'a', provider: 'stripe' })) as SecretRecord;
    const spy = vi.spyOn(store, 'get').mockImplementationOnce(async (...args) => {
      const found = await read(...args);
      await vault.delete('a', 'stripe');
      return found;
    });
    await get(vault, { tenantId: 'a' });
    spy.mockRestore();
    await store.put(record, null);
    await get(vault, { tenantId: 'a' });
    expect(build).toHaveBeenCalledTimes(2);
  });
});

it('does not take an altered record for the one that the client was built from', async () => {
  const { vault, store } = memoryVault();
  await vault.put('a', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
  const get = () => getTwilioClient(vault, { tenantId: 'a', env: {} });
  await get();
  const record = (await store.get({ tenantId: 'a', provider: 'twilio' })) as SecretRecord;
  await store.put({ ...record, metadata: { ...record.metadata, rev: 7 } }, etag(record));
  await expect(get()).rejects.toMatchObject({ code: 'ERR_BINDING' });
});

describe('a client that callers share', () => {
  it('refuses to be changed: Twilio', async () => {
    const { vault } = memoryVault();
    await vault.put('a', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
    const get = () => getTwilioClient(vault, { tenantId: 'a', env: {} });
    const client = await get();
    expect(client).toBeInstanceOf(twilio.Twilio);
    const shared = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });
    for (const [name, value] of Object.entries({
      region: 'ie1',
      edge: 'dublin',
      username: accountSid(2),
      password: authToken(2),
      accountSid: accountSid(2),
      logLevel: 'debug',
      timeout: 1,
      credentialProvider: {},
      request: () => {},
      _httpClient: {},
    })) {
      expect(() => Reflect.set(client, name, value), name).toThrow(shared);
    }
    expect(Reflect.set(client, 'httpClient', {})).toBe(false);
    expect(() => Reflect.set(client.httpClient as object, 'defaultTimeout', 1)).toThrow(shared);
    expect(() => client.userAgentExtensions?.push('x')).toThrow(TypeError);
    expect(Reflect.set(client.opts as object, 'logLevel', 'debug')).toBe(false);
    expect(() => client.setAccountSid(accountSid(2))).toThrow(shared);
    expect(() => client.setCredentialProvider({} as never)).toThrow(shared);
    expect(() => client.invalidateBasicAuth()).toThrow(shared);
    expect(() => client.setOpts({ region: 'ie1' })).toThrow(shared);
    expect(await get()).toMatchObject({
      accountSid: accountSid(1),
      username: accountSid(1),
      password: authToken(1),
      region: '',
      edge: '',
    });
    expect((await get()).credentialProvider).toBeUndefined();
  });

  it('refuses to be changed: SendGrid', async () => {
    const { vault } = memoryVault();
    await vault.put('a', 'sendgrid', { apiKey: sendgridKey(1) });
    const get = () => getSendGridClient(vault, { tenantId: 'a', env: {} });
    const mail = await get();
    const shared = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });
    expect(() => mail.setApiKey(sendgridKey(2))).toThrow(shared);
    expect(() => mail.setTwilioEmailAuth('a', 'b')).toThrow(shared);
    expect(() => mail.setClient({})).toThrow(shared);
    expect(() => mail.setTimeout(1)).toThrow(shared);
    const client = mail.client as unknown as Record<string, (...args: unknown[]) => void>;
    for (const name of ['setApiKey', 'setDataResidency', 'setDefaultHeader', 'setDefaultRequest']) {
      expect(() => client[name]?.('eu'), name).toThrow(shared);
    }
    for (const [target, name] of [
      [mail, 'client'],
      [mail, 'substitutionWrappers'],
      [client, 'auth'],
      [client, 'request'],
      [client.defaultRequest, 'baseUrl'],
      [client.defaultRequest, 'timeout'],
    ] as const) {
      expect(() => Reflect.set(target as object, name, 'x'), name).toThrow(shared);
    }
    expect(Reflect.set(client.defaultRequest as object, 'proxy', {})).toBe(false);
    expect(Reflect.set(client.defaultHeaders as object, 'X-Mine', 'x')).toBe(false);
    expect(Reflect.get((await get()).client, 'auth')).toBe(`Bearer ${sendgridKey(1)}`);
  });
});
