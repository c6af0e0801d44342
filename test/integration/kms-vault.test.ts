import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { vaultTransit } from 'provider-vault/kms';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { faultyProxy } from '../support/faulty-proxy.ts';
import { startVault } from '../support/openbao.ts';
import { describeWrapper, failure, textsOf } from '../support/wrapper-contract.ts';

const server = await startVault();
const proxy = await faultyProxy(server.address);
afterAll(async () => {
  await proxy.close();
  await server.stop();
});
afterEach(() => proxy.heal());

const newName = () => `k${randomBytes(6).toString('hex')}`;
async function newKey(settings: object = { derived: true }): Promise<string> {
  const key = newName();
  await server.api('POST', `transit/keys/${key}`, settings);
  return key;
}

const may = (...paths: string[]) =>
  server.tokenWith(paths.map((path) => `path "${path}" { capabilities = ["update"] }`).join('\n'));
const key = await newKey();
const other = await newKey();
const token = await may(
  ...[`transit/encrypt/${key}`, `transit/decrypt/${key}`, `transit/rewrap/${key}`],
);
const acme = { tenantId: 'acme' };
const wrapper = () => vaultTransit({ address: proxy.url, token, key });

describeWrapper('Vault Transit', {
  wrapper,
  otherKey: () => vaultTransit({ address: proxy.url, token: server.rootToken, key: other }),
  bindsTenant: true,
  secrets: () => [token, server.rootToken],
});

describe('vaultTransit', () => {
  const bytes = randomBytes(32);
  const hidden = () => [token, ...textsOf(bytes)];

  it('is named by its address, mount and key', () => {
    const settings = { address: 'https://vault.example.com:8200/', token, key: 'app' };
    expect(vaultTransit(settings).id).toBe('vault:https://vault.example.com:8200/transit/app');
    const mount = 'team/transit';
    expect(vaultTransit({ ...settings, mount }).id).toBe(
      'vault:https://vault.example.com:8200/team/transit/app',
    );
  });

  it('checks its options', () => {
    const good = { address: 'https://vault.example.com', token: 'x', key: 'app' };
    for (const bad of [
      { address: 'vault.example.com' },
      { address: 'ftp://vault.example.com' },
      { address: `https://user:${'pass'}@vault.example.com` },
      { address: 'https://vault.example.com/?x=1' },
      { address: undefined },
      { token: '' },
      { token: 'two words' },
      { token: undefined },
      { token: { $ne: null } },
      { key: '' },
      { key: '../keys/x' },
      { key: 'a/b' },
      { key: '..' },
      { mount: '' },
      { mount: '../sys' },
      { mount: 'a//b' },
      { namespace: 'a\nb' },
    ]) {
      const settings = { ...good, ...bad } as typeof good;
      expect(() => vaultTransit(settings), inspect(bad)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
      );
    }
    expect(() => vaultTransit(undefined as never)).toThrow(/options of vaultTransit/);
  });

  it('asks a function for the token of each request', async () => {
    let asked = 0;
    const current = async () => {
      asked++;
      return token;
    };
    const wrapper = vaultTransit({ address: proxy.url, token: current, key });
    const wrapped = await wrapper.wrap(bytes, acme);
    await wrapper.unwrap(wrapped, acme);
    expect(asked).toBe(2);
  });

  it('says no more than the kind of error of that function', async () => {
    const secret = randomBytes(20).toString('hex');
    const wrapper = vaultTransit({
      address: proxy.url,
      token: () => Promise.reject(new TypeError(`the secret ${secret}`)),
      key,
    });
    const error = await failure(wrapper.wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', [secret]);
    expect(error.message).toContain('gave no token (TypeError)');
  });

  it('uses an engine at another mount', async () => {
    const mount = `team/${newName()}`;
    await server.api('POST', `sys/mounts/${mount}`, { type: 'transit' });
    await server.api('POST', `${mount}/keys/app`, { derived: true });
    const settings = { address: proxy.url, token: server.rootToken, key: 'app', mount };
    const wrapped = await vaultTransit(settings).wrap(bytes, acme);
    expect(Buffer.from(await vaultTransit(settings).unwrap(wrapped, acme)).equals(bytes)).toBe(
      true,
    );
  });

  it('uses a namespace', async () => {
    const namespace = newName();
    await server.api('POST', `sys/namespaces/${namespace}`);
    await server.api('POST', `${namespace}/sys/mounts/transit`, { type: 'transit' });
    await server.api('POST', `${namespace}/transit/keys/app`, { derived: true });
    const settings = { address: proxy.url, token: server.rootToken, key: 'app' };
    const wrapped = await vaultTransit({ ...settings, namespace }).wrap(bytes, acme);
    expect(wrapped.length).toBeGreaterThan(32);
    await failure(vaultTransit(settings).unwrap(wrapped, acme), 'ERR_KEY_UNAVAILABLE', hidden());
  });

  it('names the permission that is missing', async () => {
    const onlyEncrypt = await may(`transit/encrypt/${key}`);
    const wrapper = vaultTransit({ address: proxy.url, token: onlyEncrypt, key });
    const wrapped = await wrapper.wrap(bytes, acme);
    const before = proxy.requests.length;
    const secrets = [...hidden(), onlyEncrypt, ...textsOf(wrapped)];
    const error = await failure(wrapper.unwrap(wrapped, acme), 'ERR_KEY_UNAVAILABLE', secrets);
    expect(error.message).toBe(
      `Vault Transit did not unwrap a key with vault:${proxy.url}/transit/${key}: status 403. The permission "update" on transit/decrypt/${key} is missing, or the token is invalid or has expired.`,
    );
    const rewrapped = wrapper.rewrap?.([{ wrapped, context: acme }]) ?? Promise.resolve();
    const refused = await failure(rewrapped, 'ERR_KEY_UNAVAILABLE', secrets);
    expect(refused.message).toContain(`"update" on transit/rewrap/${key}`);
    expect(proxy.requests.length - before).toBe(2); // not tried again
  });

  it('refuses an expired and an unknown token', async () => {
    const policy = `path "transit/encrypt/${key}" { capabilities = ["update"] }`;
    const short = await server.tokenWith(policy, { ttl: '1s' });
    const wrapper = vaultTransit({ address: proxy.url, token: short, key });
    await wrapper.wrap(bytes, acme);
    await new Promise((done) => setTimeout(done, 1_500));
    const error = await failure(wrapper.wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', [
      short,
      ...hidden(),
    ]);
    expect(error.message).toContain('the token is invalid or has expired');
    const unknown = vaultTransit({ address: proxy.url, token: 'hvs.unknown', key });
    await failure(unknown.wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', ['hvs.unknown', ...hidden()]);
  });

  it('says that there is no such key, and makes none', async () => {
    const name = newName();
    const token = await may(`transit/encrypt/${name}`, `transit/decrypt/${name}`);
    const wrapper = vaultTransit({ address: proxy.url, token, key: name });
    await failure(wrapper.wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', [token, ...hidden()]);
    const wrapped = Buffer.from(`vault:v1:${randomBytes(60).toString('base64')}`);
    const error = await failure(wrapper.unwrap(wrapped, acme), 'ERR_KEY_UNAVAILABLE', [token]);
    expect(error.message).toContain('There is no such key');
    await expect(server.api('GET', `transit/keys/${name}`)).rejects.toThrow('404');
  });

  it('says that there is no engine at the mount', async () => {
    const settings = { address: proxy.url, token: server.rootToken, key, mount: 'nowhere' };
    const wrapped = vaultTransit(settings).wrap(bytes, acme);
    const error = await failure(wrapped, 'ERR_KEY_UNAVAILABLE', hidden());
    expect(error.message).toContain('There is no Transit engine at this mount');
  });

  it('says that a version is too old', async () => {
    const name = await newKey();
    const wrapper = vaultTransit({ address: proxy.url, token: server.rootToken, key: name });
    const wrapped = await wrapper.wrap(bytes, acme);
    await server.api('POST', `transit/keys/${name}/rotate`);
    await server.api('POST', `transit/keys/${name}/config`, { min_decryption_version: 2 });
    const error = await failure(wrapper.unwrap(wrapped, acme), 'ERR_KEY_UNAVAILABLE', hidden());
    expect(error.message).toContain('min_decryption_version');
  });

  it('recovers after errors of the server', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    for (const failing of [{ status: 500 }, { status: 429 }, { status: 503 }, { drop: true }]) {
      proxy.failNext(failing, 2);
      expect(Buffer.from(await wrapper().unwrap(wrapped, acme)).equals(bytes)).toBe(true);
    }
  });

  it('gives up after three attempts', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    for (const [failing, text] of [
      [{ status: 500 }, 'status 500 (3 attempts)'],
      [{ status: 429 }, 'status 429 (3 attempts)'],
      [{ drop: true }, /(UND_ERR_SOCKET|ECONNRESET) \(3 attempts\)/],
      [{ status: 200, body: '{}' }, 'the answer is incomplete (3 attempts)'],
      [{ status: 200, body: '<html>' }, 'the answer is incomplete (3 attempts)'],
    ] as const) {
      proxy.failNext(failing, 10);
      const before = proxy.requests.length;
      const secrets = [...hidden(), ...textsOf(wrapped)];
      const error = await failure(wrapper().unwrap(wrapped, acme), 'ERR_KEY_UNAVAILABLE', secrets);
      expect(error.message).toMatch(text);
      expect(proxy.requests.length - before).toBe(3);
      proxy.heal();
    }
  });

  it('tries a refusal once', async () => {
    for (const status of [400, 404, 405, 412]) {
      proxy.failNext({ status }, 1);
      const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden());
      expect(error.message).toContain(`status ${status}.`);
    }
  });

  it('does not carry its token to where a redirect points', async () => {
    const target = await faultyProxy(server.address);
    const location = `${target.url}/v1/transit/encrypt/${key}`;
    proxy.failNext({ status: 307, headers: { location } });
    const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden());
    expect(error.message).toContain('Redirects are not followed');
    expect(target.requests).toEqual([]);
    await target.close();
  });

  it('ends within 10 seconds when the server or the function "token" does not answer', async () => {
    proxy.failNext({ hang: true }, 10);
    const start = performance.now();
    const hanging = vaultTransit({ address: proxy.url, token: () => new Promise(() => {}), key });
    const [error] = await Promise.all([
      failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden()),
      failure(hanging.wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden()),
    ]);
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(error.message).toContain('no answer in time (2 attempts)');
    proxy.heal();
    await wrapper().wrap(bytes, acme);
  });

  it('goes on when one attempt was not answered', async () => {
    proxy.failNext({ hang: true }, 1);
    const wrapped = await wrapper().wrap(bytes, acme);
    expect(Buffer.from(await wrapper().unwrap(wrapped, acme)).equals(bytes)).toBe(true);
  });

  it('says that the server is not there', async () => {
    const stopped = await faultyProxy(server.address);
    await stopped.close();
    const gone = vaultTransit({ address: stopped.url, token, key });
    const error = await failure(gone.wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden());
    expect(error.message).toContain('ECONNREFUSED (3 attempts)');
  });

  it('refuses an unwrapped key of another length', async () => {
    const plaintext = randomBytes(16).toString('base64');
    const context = Buffer.from('acme').toString('base64');
    const path = `transit/encrypt/${key}`;
    const { ciphertext } = await server.api('POST', path, { plaintext, context });
    const unwrapped = wrapper().unwrap(Buffer.from(String(ciphertext)), acme);
    const error = await failure(unwrapped, 'ERR_DECRYPTION_FAILED', [plaintext, ...hidden()]);
    expect(error.message).toContain('it holds 16 bytes, not 32');
  });
});

describe('rewrap of vaultTransit', () => {
  it('wraps 250 keys anew in three batches, and leaves what is new', async () => {
    const name = await newKey();
    const wrapper = vaultTransit({ address: proxy.url, token: server.rootToken, key: name });
    const tenants = Array.from({ length: 250 }, (_, n) => ({ tenantId: `tenant-${n}` }));
    const keys = tenants.map(() => randomBytes(32));
    const wrap = async (n: number) => ({
      wrapped: await wrapper.wrap(keys[n] as Buffer, tenants[n] as { tenantId: string }),
      context: tenants[n] as { tenantId: string },
    });
    const old = await Promise.all(Array.from({ length: 200 }, (_, n) => wrap(n)));
    await server.api('POST', `transit/keys/${name}/rotate`);
    const recent = await Promise.all(Array.from({ length: 50 }, (_, n) => wrap(200 + n)));
    proxy.requests.length = 0;
    const fresh = await wrapper.rewrap?.([...old, ...recent]);
    expect(proxy.requests).toEqual(Array(3).fill(`/v1/transit/rewrap/${name}`));
    expect(fresh).toHaveLength(250);
    expect(fresh?.slice(200)).toEqual(Array(50).fill(undefined));
    await server.api('POST', `transit/keys/${name}/config`, { min_decryption_version: 2 });
    for (const [n, wrapped] of (fresh ?? []).slice(0, 200).entries()) {
      const key = await wrapper.unwrap(wrapped as Uint8Array, tenants[n] as { tenantId: string });
      expect(Buffer.from(key).equals(keys[n] as Buffer)).toBe(true);
    }
  });

  it('refuses a batch that holds a key of another tenant', async () => {
    const wrapped = await wrapper().wrap(randomBytes(32), acme);
    const items = [
      { wrapped, context: acme },
      { wrapped, context: { tenantId: 'beta' } },
    ];
    const secrets = [token, ...textsOf(wrapped)];
    await failure(wrapper().rewrap?.(items) ?? Promise.resolve(), 'ERR_DECRYPTION_FAILED', secrets);
  });

  it('goes on after errors of the server', async () => {
    const wrapped = await wrapper().wrap(randomBytes(32), acme);
    proxy.failNext({ status: 503 }, 2);
    expect(await wrapper().rewrap?.([{ wrapped, context: acme }])).toEqual([undefined]);
  });
});
