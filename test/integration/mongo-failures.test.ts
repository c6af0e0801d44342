import { inspect } from 'node:util';
import { MongoClient } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { newKey } from '../support/fixtures.ts';
import { startMongo } from '../support/mongo-server.ts';

const keys = new Keyring({ encryptionKey: newKey() });
const quick = { serverSelectionTimeoutMS: 300, connectTimeoutMS: 300, retryWrites: false };

function vaultOn(client: MongoClient) {
  return new SecretsVault({ store: new MongoSecretStore(client.db('x')), keys });
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

  it.each([
    ['not the primary any more', 10107, 'ERR_STORE_UNAVAILABLE'],
    ['shutting down', 91, 'ERR_STORE_UNAVAILABLE'],
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
