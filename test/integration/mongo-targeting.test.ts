import { type CommandStartedEvent, MongoClient } from 'mongodb';
import {
  eraseTenant,
  etag,
  type KeyEntry,
  MongoAuditSink,
  MongoKeyStore,
  MongoSecretStore,
  rotateCredential,
  type SecretRecord,
  type SecretStore,
  SecretsVault,
  TenantKeys,
  testConnection,
} from 'provider-vault';
import { afterAll, describe, expect, it } from 'vitest';
import { startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { commandsOf } from '../support/commands.ts';
import { textOf } from '../support/documents.ts';
import { acmeMail, SECRETS } from '../support/every-operation.ts';
import { newKey } from '../support/fixtures.ts';
import { isTargeted, keyChanges } from '../support/shard-key.ts';
import { newRecord } from '../support/store-write.ts';
import { TestKms } from '../support/test-wrapper.ts';

// No mongos can be had for tests. Whether it can send a command to one shard follows from the command.

const server = await startMongo({ replSet: true });
const client = await MongoClient.connect(server.uri, { monitorCommands: true });
const db = client.db('sharded');
afterAll(async () => {
  await client.close();
  await server.stop();
});
const guide = textOf('docs/guides/mongodb-at-scale.md');

/** The shard keys that the guide names. */
const KEYS: Record<string, readonly string[]> = {
  secrets: ['tenantId', 'provider'],
  vault_keys: ['_id'],
  secrets_audit: ['tenantId', 'at'],
};
/** The methods that must go over all shards: what they ask for may be of any tenant. */
const EVERYWHERE: Record<string, readonly string[]> = {
  MongoSecretStore: ['scan', 'find', 'count', 'split', 'check', 'init', 'watch'],
  MongoKeyStore: ['scan', 'init'],
  MongoAuditSink: ['init'], // and find without a tenant
};

const collectionOf = ({ command, commandName }: CommandStartedEvent) =>
  String(command[commandName] ?? '');

/** Which commands on a collection of the guide would go to all shards. */
function scattered(commands: readonly CommandStartedEvent[]): string[] {
  return commands.flatMap((command) => {
    const key = KEYS[collectionOf(command)];
    if (key === undefined) return [];
    expect(keyChanges(command, key)).toEqual([]);
    return isTargeted(command, key) === false ? [JSON.stringify(command.command)] : [];
  });
}
const documentCommands = (commands: readonly CommandStartedEvent[]) =>
  commands.filter(
    (command) => isTargeted(command, KEYS[collectionOf(command)] ?? ['']) !== undefined,
  );

const store: SecretStore = new MongoSecretStore(db);
const keyStore = new MongoKeyStore(db);
const sink = new MongoAuditSink(db, { expireAfterSeconds: 3_600 });
const ref = { tenantId: 'acme', provider: 'custom' };
const entry = (tenantId: string, tag = tenantId): KeyEntry => ({
  tenantId,
  current: 0,
  keys: [],
  etag: tag,
});
const stored = async () => (await store.get(ref)) as SecretRecord;
const drained = async (batches: AsyncIterable<unknown>) => {
  for await (const _ of batches);
};

type Uses = Record<string, () => Promise<unknown>>;
const uses: Record<string, { of: object; uses: Uses }> = {
  MongoSecretStore: {
    of: MongoSecretStore.prototype,
    uses: {
      init: async () => store.init?.(),
      put: async () => {
        await store.put(newRecord('acme', 'custom'), null); // new
        await store.put(newRecord('acme', 'custom'), null); // there is one
        await store.put(newRecord('acme', 'custom'), etag(await stored()));
        await store.put(newRecord('acme', 'custom'), 'A'.repeat(16)); // lost
        await db
          .collection('secrets')
          .insertOne({ tenantId: 'old', provider: 'custom', data: 'x' });
        await store.put(newRecord('old', 'custom'), ''); // of the old system, with another _id
      },
      get: () => store.get(ref),
      getMany: async () => {
        await store.getMany([ref, { tenantId: 'beta', provider: 'custom' }]);
        await store.getMany([ref, { tenantId: 'beta', provider: 'twilio' }], { history: false });
      },
      list: () => store.list('acme'),
      putMany: async () => {
        await store.putMany([
          { record: newRecord('acme', 'custom'), expected: etag(await stored()) },
          { record: newRecord('beta', 'custom'), expected: null },
          { record: newRecord('gamma', 'custom'), expected: 'A'.repeat(16) }, // lost: is read back
        ]);
      },
      delete: async () => {
        await store.delete(ref, etag(await stored()));
        await store.delete(ref);
      },
      scan: () => drained(store.scan({})),
      find: async () => store.find?.({ provider: 'custom', field: 'a', digests: ['x'] }),
      count: async () => store.count?.(),
      check: () => (store as MongoSecretStore).check(),
      split: async () => store.split?.(4),
      watch: async () => {
        const stop = await store.watch?.(
          () => {},
          () => {},
        );
        await stop?.();
      },
    },
  },
  MongoKeyStore: {
    of: MongoKeyStore.prototype,
    uses: {
      init: () => keyStore.init(),
      put: async () => {
        await keyStore.put(entry('acme'), null);
        await keyStore.put(entry('acme'), null);
        await keyStore.put(entry('acme', 'next'), 'acme');
      },
      get: () => keyStore.get('acme'),
      scan: () => drained(keyStore.scan({})),
    },
  },
  MongoAuditSink: {
    of: MongoAuditSink.prototype,
    uses: {
      init: () => sink.init(),
      write: () =>
        sink.write({
          ...{ at: new Date(), action: 'get', tenantId: 'acme', provider: 'custom' },
          ...{ fields: [], outcome: 'ok', source: 'vault' },
        }),
      find: () => sink.find({ tenantId: 'acme', action: 'get' }),
      erase: () => sink.erase('acme'),
      flush: () => sink.flush(),
    },
  },
};

describe.each(Object.entries(uses))('%s', (name, { of, uses }) => {
  const everywhere = EVERYWHERE[name] ?? [];

  it('has no method that is not tried here', () => {
    const methods = Object.getOwnPropertyNames(of).filter((method) => method !== 'constructor');
    expect([...Object.keys(uses), 'close']).toEqual(expect.arrayContaining(methods));
  });

  it.each(Object.keys(uses).filter((method) => !everywhere.includes(method)))(
    'the commands of %s carry the shard key, and never change it',
    async (method) => {
      const commands = await commandsOf(client, () => (uses[method] as () => Promise<unknown>)());
      if (method !== 'flush') expect(documentCommands(commands).length).toBeGreaterThan(0);
      expect(scattered(commands)).toEqual([]);
    },
  );

  it('goes over all shards where it must, as the guide says', () => {
    const [, section = ''] = guide.split('### Over all shards');
    const [list = ''] = section.split('\n#');
    for (const method of everywhere) expect(list).toContain(`\`${method}\``);
  });
});

it('the check above sees a command without the shard key', async () => {
  const commands = await commandsOf(client, () => db.collection('secrets').findOne({ data: 'x' }));
  expect(scattered(commands)).toHaveLength(1);
  const all = await commandsOf(client, () => drained(store.scan({})));
  expect(scattered(all)).toHaveLength(1);
  const upsert = await commandsOf(client, () =>
    db.collection('secrets').updateOne({ tenantId: 'x' }, { $set: { a: 1 } }, { upsert: true }),
  );
  expect(scattered(upsert)).toHaveLength(1);
});

it('an event of any tenant is found on all shards', async () => {
  expect(scattered(await commandsOf(client, () => sink.find({ action: 'get' })))).toHaveLength(1);
});

it('a vault sends each operation on a tenant to the shard of the tenant', async () => {
  const keys = new TenantKeys({ wrapper: new TestKms(), store: keyStore });
  const audit = { sink, mode: 'strict' } as const;
  const more = { providers: [acmeMail], lookupKey: newKey(), audit };
  const vault = new SecretsVault({ store, keys, ...more });
  const expiresAt = new Date(0).toISOString();
  const commands = await commandsOf(client, async () => {
    await vault.put('delta', acmeMail, { account: 'sales', token: SECRETS[0], expiresAt });
    await vault.patch('delta', acmeMail, { account: 'support' });
    await vault.get('delta', acmeMail);
    await vault.getMany([{ tenantId: 'delta', provider: acmeMail }]);
    await vault.list('delta');
    await vault.status('delta');
    await vault.fresh('delta', acmeMail); // with its lease
    await testConnection(vault, { tenantId: 'delta', provider: acmeMail }); // with the health
    await rotateCredential(vault, { tenantId: 'delta', provider: acmeMail, graceMs: 0 });
    await vault.rollback('delta', acmeMail, 1);
    await vault.delete('delta', acmeMail);
  });
  expect(documentCommands(commands).length).toBeGreaterThan(30);
  expect(scattered(commands)).toEqual([]);
  await vault.put('delta', 'custom', { token: SECRETS[0] });
  const erasure = await commandsOf(client, () => eraseTenant(vault, 'delta', { audit: 'erase' }));
  expect(scattered(erasure)).toEqual([]);
});
