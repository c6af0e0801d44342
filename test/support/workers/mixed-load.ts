import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { isVaultError, Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';

// One of many processes that read and write the same tenants, by a cache that hears of the others by a
// change stream: URI, database, its number, tenants, milliseconds. It begins with the first line of its
// input, prints one document when the time is over, and one more, of what its cache has, for each
// further line.
const [uri = '', database = '', self = '', tenants = '', ms = ''] = process.argv.slice(2);
const client = await MongoClient.connect(uri, { maxPoolSize: 10 });
const store = new MongoSecretStore(client.db(database));
const cache = { ttlMs: 600_000, max: 10_000 }; // only the stream keeps it up to date
const vault = new SecretsVault({ store, keys: Keyring.fromEnv(), cache });
const provider = 'counter';
const names = Array.from({ length: Number(tenants) }, (_, n) => `tenant-${n}`);
/** A clock that all processes of the machine have in common, in ms, and finer than Date.now. */
const now = () => performance.timeOrigin + performance.now();
const random = () => names[Math.floor(Math.random() * names.length)] as string;

/** [tenant, count, when the write was acknowledged] */
const written: [string, number, number][] = [];
/** [tenant, count, when the read began] */
const read: [string, number, number][] = [];
const own: string[] = [];
const took = { read: [] as number[], write: [] as number[], insert: [] as number[] };
let conflicts = 0;
const failures: string[] = [];

async function timed<T>(kind: keyof typeof took, work: () => Promise<T>): Promise<T> {
  const begun = now();
  const result = await work();
  took[kind].push(now() - begun);
  return result;
}

async function readOne(): Promise<void> {
  const tenant = random();
  const begun = now();
  const { count } = await timed('read', () => vault.require(tenant, provider));
  read.push([tenant, Number(count), begun]);
}

/** Adds one, as a compare-and-set on what the cache has; a stale cache costs a conflict, never a count. */
async function increment(): Promise<void> {
  const tenant = random();
  for (;;) {
    const { count, meta } = await vault.require(tenant, provider);
    const next = Number(count) + 1;
    try {
      const change = { count: String(next) };
      await timed('write', () => vault.patch(tenant, provider, change, { ifMatch: meta.etag }));
      written.push([tenant, next, now()]);
      return;
    } catch (error) {
      if (!isVaultError(error, 'ERR_CONFLICT')) throw error;
      conflicts++;
      vault.invalidate(tenant, provider);
      await sleep(Math.random() * 20);
    }
  }
}

async function insert(): Promise<void> {
  const tenant = `own-${self}-${own.length}`;
  await timed('insert', () => vault.put(tenant, provider, { count: '1' }, { ifMatch: null }));
  own.push(tenant);
}

/** The counts that the cache has now. */
async function countsNow(): Promise<Record<string, number>> {
  const found = await Promise.all(names.map((name) => vault.require(name, provider)));
  return Object.fromEntries(names.map((name, at) => [name, Number(found[at]?.count)]));
}

await countsNow(); // the stream is open, and the cache is warm
console.log('ready');
await once(process.stdin, 'data');
const end = now() + Number(ms);
const until = async (pauseMs: number, work: () => Promise<void>) => {
  while (now() < end) {
    await work().catch((error) => failures.push(isVaultError(error) ? error.code : String(error)));
    await sleep(pauseMs * (0.5 + Math.random()));
  }
};
await Promise.all([
  until(4, readOne),
  until(4, readOne),
  until(250, increment),
  until(500, insert),
]);
console.log(JSON.stringify({ written, read, own, took, conflicts, failures }));
process.stdin.on('data', async () => console.log(JSON.stringify(await countsNow())));
await once(process.stdin, 'end');
await vault.close();
await client.close();
