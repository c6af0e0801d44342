import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import {
  eraseTenant,
  Keyring,
  MongoKeyStore,
  MongoSecretStore,
  SecretsVault,
  TenantKeys,
} from 'provider-vault';
import { localWrapper } from 'provider-vault/kms';

// One of several processes of an application with tenant keys: URI, database, what to do, and its
// arguments. APP_ENCRYPTION_KEY is that of the records before tenant keys; KMS_KEYS are the keys of
// the KMS, the newest first.
const [uri = '', database = '', operation = '', ...args] = process.argv.slice(2);
const client = await MongoClient.connect(uri);
const db = client.db(database);
const [wrapper, ...previousWrappers] = (process.env.KMS_KEYS ?? '')
  .split(',')
  .map((encryptionKey) => localWrapper(new Keyring({ encryptionKey })));
if (wrapper === undefined) throw new Error('KMS_KEYS is missing.');

/** Kills this process at a call of one of the stores: the nth one, before it or after its answer. */
let left = operation === 'erase' ? Number(args[1]) : Number.POSITIVE_INFINITY;
function killing<T extends object>(store: T): T {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      const call = member.bind(target);
      if (name === 'scan') return call;
      return async (...values: unknown[]) => {
        const last = --left === 0;
        if (last && args[2] === 'before') process.kill(process.pid, 'SIGKILL');
        const result = await call(...values);
        if (last) process.kill(process.pid, 'SIGKILL');
        return result;
      };
    },
  });
}

const keys = new TenantKeys({
  wrapper,
  previousWrappers,
  store: killing(new MongoKeyStore(db)),
  ...(process.env.APP_ENCRYPTION_KEY && {
    keyring: Keyring.fromEnv(),
    seal: process.env.SEAL as 'tenant' | 'keyring',
  }),
});
const vault = new SecretsVault({ store: killing(new MongoSecretStore(db)), keys });

console.log('ready');
const told = once(process.stdin.resume(), 'end');
if (operation === 'traffic') {
  // Reads and writes of all tenants until it is told to stop; the last line says how it went.
  let [reads, writes] = [0, 0];
  const problems: string[] = [];
  let stop = false;
  void told.then(() => {
    stop = true;
  });
  for (let n = Number(args[1]); !stop; n += 7) {
    const tenant = `tenant-${n % Number(args[0])}`;
    try {
      await vault.patch(tenant, 'custom', { [`by${args[1]}`]: `${n}` });
      writes++;
      const found = await vault.require(tenant, 'custom');
      if (found.of !== tenant || found[`by${args[1]}`] !== `${n}`) problems.push('another value');
      reads++;
    } catch (error) {
      problems.push(String(error));
    }
    await sleep(1);
  }
  console.log(JSON.stringify({ reads, writes, problems: problems.slice(0, 5) }));
} else {
  await told;
  if (operation === 'put') await vault.put('acme', `p${args[0]}`, { n: args[0] ?? '' });
  else if (operation === 'rewrap') await keys.rewrap({ batchSize: 5, concurrency: 2 });
  else if (operation === 'renew') await keys.renew('acme');
  else await eraseTenant(vault, args[0] ?? '');
  console.log('done');
}
await client.close();
