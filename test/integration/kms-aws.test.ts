import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { CreateKeyCommand, DecryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { awsKms } from 'provider-vault/kms';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { faultyProxy } from '../support/faulty-proxy.ts';
import { startAws } from '../support/moto.ts';
import { describeWrapper, failure, textsOf } from '../support/wrapper-contract.ts';

const server = await startAws();
const proxy = await faultyProxy(server.settings.endpoint);
// One attempt, so that the tests see those of the wrapper.
const client = new KMSClient({ ...server.settings, endpoint: proxy.url, maxAttempts: 1 });
afterAll(async () => {
  client.destroy();
  await proxy.close();
  await server.stop();
});
afterEach(() => proxy.heal());

async function newKey(): Promise<string> {
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
  return KeyMetadata?.KeyId ?? '';
}

const keyId = await newKey();
const other = await newKey();
const { secretAccessKey } = server.settings.credentials;
const acme = { tenantId: 'acme' };
const wrapper = () => awsKms({ client, keyId });
const bytes = randomBytes(32);
const hidden = () => [secretAccessKey, ...textsOf(bytes)];

describeWrapper('AWS KMS', {
  wrapper,
  otherKey: () => awsKms({ client, keyId: other }),
  bindsTenant: true,
  secrets: () => [secretAccessKey],
});

/** An answer of AWS KMS that is an error. */
const aws = (type: string, status = 400) => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1' },
  body: JSON.stringify({ __type: type, message: `about ${bytes.toString('base64')}` }),
});

describe('awsKms', () => {
  it('is named by its key', () => {
    const arn = `arn:aws:kms:eu-central-1:${'1'.repeat(12)}:key/${keyId}`;
    expect(awsKms({ client, keyId: arn }).id).toBe(`aws:${arn}`);
    expect(awsKms({ client, keyId: 'alias/app' }).id).toBe('aws:alias/app');
  });

  it('checks its options', () => {
    for (const bad of [
      undefined,
      null,
      {},
      { client },
      { client, keyId: '' },
      { client, keyId: 'two words' },
      { client, keyId: { $ne: null } },
      { client: {}, keyId },
      { client: undefined, keyId },
    ]) {
      expect(() => awsKms(bad as never), inspect(bad)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
      );
    }
  });

  it('binds the tenant and the purpose in the encryption context', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    const EncryptionContext = { tenantId: 'acme', purpose: 'provider-vault/tenant-key' };
    const command = new DecryptCommand({ CiphertextBlob: wrapped, EncryptionContext });
    const { Plaintext = new Uint8Array() } = await client.send(command);
    expect(Buffer.from(Plaintext).equals(bytes)).toBe(true);
  });

  it('names the permission that is missing', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    const before = proxy.requests.length;
    proxy.failNext(aws('AccessDeniedException'), 2);
    const secrets = [...hidden(), ...textsOf(wrapped)];
    const refused = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', secrets);
    expect(refused.message).toBe(
      `AWS KMS did not wrap a key with aws:${keyId}: AccessDeniedException, status 400. The permission kms:Encrypt is missing.`,
    );
    const closed = await failure(wrapper().unwrap(wrapped, acme), 'ERR_KEY_UNAVAILABLE', secrets);
    expect(closed.message).toContain('The permission kms:Decrypt is missing.');
    expect(proxy.requests.length - before).toBe(2); // not tried again
  });

  it('says that there is no such key', async () => {
    const missing = awsKms({ client, keyId: '00000000-0000-4000-8000-000000000000' });
    const error = await failure(missing.wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden());
    expect(error.message).toContain('Check keyId and the region of the client.');
  });

  it('says that a key is disabled or will be deleted', async () => {
    // moto wraps and unwraps with such keys: the answers are those of AWS.
    for (const type of ['DisabledException', 'KMSInvalidStateException']) {
      proxy.failNext(aws(type));
      const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden());
      expect(error.message).toContain('The key is disabled or scheduled for deletion.');
    }
  });

  it('says that the credentials are wrong', async () => {
    for (const type of ['ExpiredTokenException', 'UnrecognizedClientException']) {
      proxy.failNext(aws(type));
      const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden());
      expect(error.message).toContain('Check the credentials of the client.');
    }
    const without = new KMSClient({
      ...server.settings,
      credentials: () => Promise.reject(new Error(`not with ${secretAccessKey}`)),
    });
    await failure(
      awsKms({ client: without, keyId }).wrap(bytes, acme),
      'ERR_KEY_UNAVAILABLE',
      hidden(),
    );
  });

  it('says that an alias may have been moved', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    proxy.failNext(aws('IncorrectKeyException')); // moto answers AccessDeniedException
    const secrets = [...hidden(), ...textsOf(wrapped)];
    const error = await failure(wrapper().unwrap(wrapped, acme), 'ERR_DECRYPTION_FAILED', secrets);
    expect(error.message).toContain('Has an alias been moved?');
  });

  it('recovers after errors of the service', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    for (const failing of [
      aws('KMSInternalException', 500),
      aws('ThrottlingException'),
      { status: 503 },
      { drop: true },
    ]) {
      proxy.failNext(failing, 2);
      expect(Buffer.from(await wrapper().unwrap(wrapped, acme)).equals(bytes)).toBe(true);
    }
  });

  it('gives up after three attempts', async () => {
    for (const [failing, text] of [
      [aws('KMSInternalException', 500), 'KMSInternalException, status 500 (3 attempts)'],
      [aws('ThrottlingException'), 'ThrottlingException, status 400 (3 attempts)'],
      [{ status: 502 }, 'status 502 (3 attempts)'],
      [{ drop: true }, 'ECONNRESET (3 attempts)'],
      [{ status: 200, body: '{}' }, 'the answer is incomplete (3 attempts)'],
    ] as const) {
      proxy.failNext(failing, 10);
      const before = proxy.requests.length;
      const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden());
      expect(error.message).toContain(text);
      expect(proxy.requests.length - before).toBe(3);
      proxy.heal();
    }
  });

  it('ends within 10 seconds when the service does not answer', async () => {
    proxy.failNext({ hang: true }, 10);
    const start = performance.now();
    const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden());
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(error.message).toContain('no answer in time (2 attempts)');
    proxy.heal();
    await wrapper().wrap(bytes, acme);
  });

  it('says that the service is not there', async () => {
    const stopped = await faultyProxy(server.settings.endpoint);
    await stopped.close();
    const gone = new KMSClient({ ...server.settings, endpoint: stopped.url });
    const error = await failure(
      awsKms({ client: gone, keyId }).wrap(bytes, acme),
      'ERR_KEY_UNAVAILABLE',
      hidden(),
    );
    expect(error.message).toContain('ECONNREFUSED');
  });
});
