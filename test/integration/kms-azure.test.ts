import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { CryptographyClient } from '@azure/keyvault-keys';
import { azureKeyVault } from 'provider-vault/kms';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startAzureStub } from '../support/azure-stub.ts';
import { certificate } from '../support/certificate.ts';
import { faultyProxy } from '../support/faulty-proxy.ts';
import { describeWrapper, failure, textsOf } from '../support/wrapper-contract.ts';

const token = randomBytes(24).toString('hex');
const tls = await certificate();
const stub = await startAzureStub(token);
const other = await startAzureStub(token);
const proxy = await faultyProxy(stub.url, tls);
const otherProxy = await faultyProxy(other.url, tls);
afterAll(async () => {
  for (const server of [proxy, otherProxy, stub, other]) await server.close();
});
afterEach(() => {
  proxy.heal();
  stub.denied.clear();
});

const newClient = (url = proxy.url, bearer = token) => {
  const credential = {
    getToken: async () => ({ token: bearer, expiresOnTimestamp: Date.now() + 3_600_000 }),
  };
  return new CryptographyClient(`${url}${stub.path}`, credential, {
    disableChallengeResourceVerification: true,
    retryOptions: { maxRetries: 0 }, // so that the tests see the attempts of the wrapper
    tlsOptions: { ca: tls.cert },
  });
};
const client = newClient();
const wrapper = () => azureKeyVault({ client });
const acme = { tenantId: 'acme' };
const bytes = randomBytes(32);
const hidden = [token, ...textsOf(bytes)];

describeWrapper('Azure Key Vault', {
  wrapper,
  otherKey: () => azureKeyVault({ client: newClient(otherProxy.url) }),
  bindsTenant: false,
  secrets: () => [token],
});

describe('azureKeyVault', () => {
  it('is named by the URL of its key', () => {
    expect(wrapper().id).toBe(`azure:${proxy.url}${stub.path}`);
  });

  it('checks its options', () => {
    const { wrapKey, unwrapKey } = CryptographyClient.prototype;
    for (const bad of [
      undefined,
      {},
      { client: {} },
      { client: { wrapKey, unwrapKey } },
      { client: { wrapKey, unwrapKey, keyID: 'https://x.vault.azure.net/keys/app' } },
      { client: { wrapKey, unwrapKey, keyID: `https://u:p@x.example/keys/app/${'0'.repeat(32)}` } },
    ]) {
      expect(() => azureKeyVault(bad as never), inspect(bad)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
      );
    }
  });

  it('names the permission that is missing', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    const secrets = [...hidden, ...textsOf(wrapped)];
    stub.denied.add('wrapkey').add('unwrapkey');
    const refused = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', secrets);
    expect(refused.message).toContain('Forbidden, status 403. The permission keys/wrapKey');
    const closed = await failure(wrapper().unwrap(wrapped, acme), 'ERR_KEY_UNAVAILABLE', secrets);
    expect(closed.message).toContain('The permission keys/unwrapKey is missing');
  });

  it('does without the permission to read the key', async () => {
    stub.denied.add('get');
    const fresh = azureKeyVault({ client: newClient() });
    const wrapped = await fresh.wrap(bytes, acme);
    expect(Buffer.from(await fresh.unwrap(wrapped, acme)).equals(bytes)).toBe(true);
  });

  it('says that the credential is wrong', async () => {
    const unknown = azureKeyVault({ client: newClient(proxy.url, 'x'.repeat(20)) });
    const error = await failure(unknown.wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden);
    expect(error.message).toContain('Check the credential of the client.');
  });

  it('says that there is no such key', async () => {
    proxy.failNext({ status: 404, body: '{"error":{"code":"KeyNotFound"}}' });
    const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden);
    expect(error.message).toContain('KeyNotFound, status 404. There is no such key or version.');
  });

  it('recovers after errors of the service', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    for (const failing of [{ status: 500 }, { status: 429 }, { drop: true }]) {
      proxy.failNext(failing, 2);
      expect(Buffer.from(await wrapper().unwrap(wrapped, acme)).equals(bytes)).toBe(true);
    }
  });

  it('gives up after three attempts', async () => {
    for (const failing of [{ status: 500 }, { status: 429 }, { drop: true }]) {
      proxy.failNext(failing, 10);
      const before = proxy.requests.length;
      const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden);
      expect(error.message).toContain('(3 attempts)');
      expect(proxy.requests.length - before).toBe(3);
      proxy.heal();
    }
  });

  it('trusts no other certificate', async () => {
    const credential = { getToken: async () => ({ token, expiresOnTimestamp: Infinity }) };
    const client = new CryptographyClient(`${proxy.url}${stub.path}`, credential, {
      retryOptions: { maxRetries: 0 },
    });
    const wrapped = azureKeyVault({ client }).wrap(bytes, acme);
    const error = await failure(wrapped, 'ERR_KEY_UNAVAILABLE', hidden);
    expect(error.message).toContain('CERT');
  });

  it('ends within 10 seconds when the service does not answer', async () => {
    proxy.failNext({ hang: true }, 10);
    const start = performance.now();
    const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden);
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(error.message).toContain('no answer in time (2 attempts)');
    proxy.heal();
    await wrapper().wrap(bytes, acme);
  });
});
