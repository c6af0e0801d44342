import { inspect } from 'node:util';
import { MongoClient } from 'mongodb';
import { etag, Keyring, MongoAuditSink, MongoSecretStore, SecretsVault } from 'provider-vault';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { newKey } from '../support/fixtures.ts';
import { newRecord, write } from '../support/store-write.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';

const keys = new Keyring({ encryptionKey: newKey() });
const quick = { serverSelectionTimeoutMS: 300, connectTimeoutMS: 300, retryWrites: false };

function vaultOn(client: MongoClient) {
  return new SecretsVault({ store: new MongoSecretStore(client.db('x')), keys });
}

/** Until the driver has noticed that its connections are gone. */
async function untilItWorks(operation: () => Promise<unknown>): Promise<void> {
  for (let n = 0; n < 10; n++) {
    const failed = await operation().then(
      () => false,
      () => true,
    );
    if (!failed) return;
  }
  expect.unreachable('The connection does not come back.');
}

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.unreachable(),
    (error) => error,
  );
}

describe('failures of MongoDB', () => {
  it('a server that cannot be reached is ERR_STORE_UNAVAILABLE, without the password', async () => {
    const client = new MongoClient(`mongodb://user:${'pass-word'}@127.0.0.1:1/`, quick);
    const vault = vaultOn(client);
    for (const operation of [
      () => vault.get('a', 'custom'),
      () => vault.put('a', 'custom', { f: 'a value' }),
      () => vault.delete('a', 'custom'),
      () => vault.status('a'),
      () => new MongoSecretStore(client.db('x')).watch(() => {}),
    ]) {
      const error = await failureOf(operation());
      expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/pass-word|a value/);
    }
    await client.close();
  });

  it('a server that stops is ERR_STORE_UNAVAILABLE', async () => {
    const server = await startMongo({ args: [], replSet: true });
    const client = await MongoClient.connect(server.uri, quick);
    const vault = vaultOn(client);
    await vault.put('a', 'custom', { f: '1' });
    await server.stop();
    expect(await failureOf(vault.get('a', 'custom'))).toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
    await client.close();
  });

  it('a pooled connection that was reset is ERR_STORE_UNAVAILABLE', async () => {
    const proxy = await tcpProxy(inject('mongoUri'));
    const client = await MongoClient.connect(proxy.uri, quick);
    onTestFinished(async () => {
      await client.close();
      await proxy.close();
    });
    const store = new MongoSecretStore(client.db('reset'));
    const sink = new MongoAuditSink(client.db('reset'));
    const record = newRecord('a');
    const operations: Record<string, () => Promise<unknown>> = {
      get: () => store.get(record),
      getMany: () => store.getMany([record]),
      list: () => store.list('a'),
      'a first put': () => store.put(record, null),
      put: () => store.put(record, etag(record)),
      putMany: () => store.putMany([write('b'), write('c', etag(record))]),
      delete: () => store.delete({ tenantId: 'none', provider: 'custom' }),
      count: () => store.count(),
      scan: () => store.scan({})[Symbol.asyncIterator]().next(),
      check: () => store.check(),
      init: () => store.init(),
      'an audit event': () => sink.write({ at: new Date() } as never),
      'a query of the audit trail': () => sink.find(),
      'the first operation': () => new MongoSecretStore(client.db('reset')).get(record),
    };
    await sink.find().catch(() => {}); // loads code that is loaded when used
    await store.check();
    for (const [name, operation] of Object.entries(operations)) {
      for (let n = 0; n < 3; n++) {
        await untilItWorks(() => store.get(record));
        proxy.reset();
        const error = await operation().catch((reason: Error) => reason);
        expect([name, error]).toMatchObject([name, { code: 'ERR_STORE_UNAVAILABLE' }]);
        expect(error).toMatchObject({
          cause: { message: expect.stringMatching(/ECONNRESET|EPIPE/) },
        });
      }
    }
  });

  it.each([
    ['not the primary any more', 10107, 'ERR_STORE_UNAVAILABLE'],
    ['shutting down', 91, 'ERR_STORE_UNAVAILABLE'],
    ['too slow', 50, 'ERR_STORE_UNAVAILABLE'],
    ['without a majority', 64, 'ERR_STORE_UNAVAILABLE'],
    ['not allowed', 13, 'ERR_STORE_FAILED'],
    ['out of disk', 14031, 'ERR_STORE_FAILED'],
  ])('a server that is %s', async (_name, errorCode, code) => {
    const server = await startMongo({ args: ['--setParameter', 'enableTestCommands=1'] });
    const client = await MongoClient.connect(server.uri, { ...quick, retryReads: false });
    try {
      await client.db('admin').command({
        configureFailPoint: 'failCommand',
        mode: { times: 1 },
        data: { failCommands: ['update'], errorCode },
      });
      const error = await failureOf(vaultOn(client).put('a', 'custom', { f: 'a value' }));
      expect(error).toMatchObject({ code, message: expect.stringContaining(`${errorCode}`) });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('a value');
    } finally {
      await client.close();
      await server.stop();
    }
  });
});

describe('an error of the driver', () => {
  const codeOfFailure = async (failure: unknown) => {
    const failing = { findOne: () => Promise.reject(failure), options: async () => ({}) };
    const store = new MongoSecretStore(failing as never);
    const error = await failureOf(store.get({ tenantId: 'a', provider: 'custom' }));
    expect(error.message).toMatch(/^MongoDB: get failed \(.+\)\.$/);
    return (error as Error & { code: string }).code;
  };

  it.each([
    Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }),
    Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }),
    Object.assign(new Error('getaddrinfo EAI_AGAIN db'), { code: 'EAI_AGAIN' }),
    new Error('wrapped', { cause: Object.assign(new Error('x'), { code: 'ETIMEDOUT' }) }),
    new Error('twice', {
      cause: new Error('wrapped', { cause: Object.assign(new Error('x'), { code: 'EPIPE' }) }),
    }),
    Object.assign(new Error('bulk'), {
      errorResponse: Object.assign(new Error('x'), { code: 'ECONNRESET' }),
    }),
    Object.assign(new Error('x'), { name: 'PoolClearedOnNetworkError' }),
    Object.assign(new Error('x'), { name: 'MongoStalePrimaryError' }),
  ])('that is about the connection is ERR_STORE_UNAVAILABLE: %s', async (failure) => {
    expect(await codeOfFailure(failure)).toBe('ERR_STORE_UNAVAILABLE');
  });

  const circular: { cause?: unknown } = new Error('circular');
  circular.cause = circular;
  it.each([new Error('EPIPE'), { code: 'ECONN' }, 'ECONNRESET', undefined, null, circular])(
    'that is not is ERR_STORE_FAILED: %s',
    async (failure) => {
      expect(await codeOfFailure(failure)).toBe('ERR_STORE_FAILED');
    },
  );
});
