import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import {
  FileSecretStore,
  isVaultError,
  Keyring,
  MongoSecretStore,
  type SecretStore,
  SecretsVault,
} from 'provider-vault';
import { coreOf } from '../../../src/core/vault-core.ts';
import { withLease } from '../../../src/lifecycle/lease.ts';

// One of several processes that want a lease: where the store is (a path, or URI and database), how
// long the lease is, and what to do with it:
// - times N: hold it N times, and say when: `n,enter,deadline,exit` in ms of the machine's clock
// - die N before|after: hold it once, and die before or after the store's call number N
// - write: hold it, say so, and write the credential after the next line of the input
const [place = '', database = '', leaseMs = '', mode = '', at = '', side = ''] =
  process.argv.slice(2);
const client = database === '' ? undefined : await MongoClient.connect(place);
const store = client ? new MongoSecretStore(client.db(database)) : new FileSecretStore(place);
const options = { tenantId: 'acme', name: 'test', leaseMs: Number(leaseMs), waitMs: 60_000 };
const now = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;

let calls = 0;
const dying: SecretStore = new Proxy(store, {
  get(target, name) {
    const member = Reflect.get(target, name);
    if (typeof member !== 'function') return member;
    return async (...args: unknown[]) => {
      const isLast = ++calls === Number(at);
      if (isLast && side === 'before') process.kill(process.pid, 'SIGKILL');
      const answer = await member.apply(target, args);
      if (isLast) process.kill(process.pid, 'SIGKILL');
      return answer;
    };
  },
});
const vault = new SecretsVault({
  store: mode === 'die' ? dying : store,
  keys: Keyring.fromEnv(),
});
const core = coreOf(vault);

console.log('ready');
await once(process.stdin, 'data');
if (mode === 'times') {
  for (let n = 0; n < Number(at); n++) {
    await withLease(core, options, async (lease) => {
      const enter = now();
      const deadline = enter + lease.msLeft();
      console.log(`enter ${enter} ${deadline}`);
      await sleep(Math.random() * 15);
      console.log(`exit ${now()}`);
    });
  }
} else if (mode === 'die') {
  await withLease(core, options, async () => {});
} else {
  await withLease(core, options, async (lease) => {
    const { etag } = (await vault.require('acme', 'custom')).meta;
    console.log('held');
    await once(process.stdin, 'data');
    const left = lease.msLeft();
    const written = await vault
      .patch('acme', 'custom', { by: 'the late one' }, { ifMatch: etag })
      .then(
        () => 'written',
        (error) => (isVaultError(error) ? error.code : String(error)),
      );
    console.log(`${left} ${written}`);
  });
}
await client?.close();
process.exit();
