import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { MongoClient } from 'mongodb';
import {
  type AuditEvent,
  isVaultError,
  MongoKeyStore,
  MongoSecretStore,
  renewKeys,
  SecretsVault,
  TenantKeys,
  verifyVault,
} from 'provider-vault';
import { vaultTransit } from 'provider-vault/kms';
import { newKey } from '../fixtures.ts';
import { isAway, MARK, Model, type SoakReport, untilDone } from '../soak-model.ts';
import { account, type Places, TENANTS, tokenProvider, traffic } from '../soak-traffic.ts';

// A process of an application under mixed traffic, while keys are renewed, the KMS is away and the
// database fails. Places as JSON, milliseconds; it asks its parent to break and to mend things, and
// sends a report at the end. Needs --expose-gc. When everything is closed it must end by itself.
const [placesJson = '', ms = ''] = process.argv.slice(2);
const places: Places = JSON.parse(placesJson);
const LANES = 6;

const wrong: string[] = [];
const warnings: string[] = [];
process.on('warning', (warning) => warnings.push(String(warning)));
const ask = async (what: string): Promise<void> => {
  process.send?.({ ask: what });
  await once(process, 'message');
};
await ask('begin'); // from here on the channel to the parent counts as a resource
void [process.stdout, process.stderr]; // pipes from the moment that somebody looks at them
const resources = () =>
  process
    .getActiveResourcesInfo()
    .filter((name) => name !== 'Immediate')
    .sort();
const before = resources();

const options = { serverSelectionTimeoutMS: 2_000, maxPoolSize: 10 };
const client = await MongoClient.connect(places.uri, options);
const db = client.db('soak');
const store = new MongoSecretStore(db);
await store.init();
const wrapper = vaultTransit({ address: places.kms, token: places.kmsToken, key: 'soak' });
const keyStore = new MongoKeyStore(db);
// So short that an outage of the KMS is felt.
const newKeys = () =>
  new TenantKeys({ wrapper, store: keyStore, cache: { ttlMs: 1_000, max: 12 } });
const keys = newKeys();
const lookupKey = newKey();
let events = 0;
const write = (event: AuditEvent) => {
  events++;
  if (JSON.stringify(event).includes(MARK)) wrong.push(`audit: ${event.action} shows a secret`);
};
const tokens = tokenProvider(places.tokens);
const common = { store, lookupKey, providers: [tokens], audit: { write } };
const cache = { ttlMs: 60_000, max: 30 }; // fewer than there are records
const vault = new SecretsVault({ ...common, keys, cache, maxClients: 30 });
const other = new SecretsVault({ ...common, keys: newKeys() });
const model = new Model();
const { begin, operations, upkeep, httpClient } = traffic({
  vault,
  other,
  tokens,
  model,
  places,
  db,
});

/** What is away now. */
let away: 'kms' | 'store' | 'otherwise' = 'otherwise';
const unanswered = { kms: 0, store: 0, otherwise: 0 };
/** Renewals begun and ended: a record that one of them sealed anew has another etag. */
const renewals = { running: 0, ended: 0 };
let overtaken = 0;
const done: Record<string, number> = {};

async function attempt(name: string, work: () => Promise<void>): Promise<void> {
  const { ended } = renewals;
  try {
    await work();
    done[name] = (done[name] ?? 0) + 1;
  } catch (error) {
    if (inspect(error, { depth: 9 }).includes(MARK)) wrong.push(`${name}: an error shows a secret`);
    const renewing = renewals.running > 0 || renewals.ended > ended;
    if (isAway(error)) unanswered[away]++;
    else if (renewing && isVaultError(error, 'ERR_CONFLICT')) overtaken++;
    else wrong.push(`${name}: ${(error as Error).stack ?? error}`.replaceAll(MARK, '…'));
    await sleep(20);
  }
}

/** Lanes share the tenants, one call at a time each: what a record must hold is always known. */
let [running, paused, stopped] = [0, false, false];
async function lane(
  works: () => readonly [string, () => Promise<void>],
  pauseMs: number,
): Promise<void> {
  while (!stopped) {
    if (!paused) {
      running++;
      await attempt(...works());
      running--;
    }
    await sleep(pauseMs);
  }
}
const accounts = Array.from({ length: TENANTS }, (_, n) => account(n));
for (const own of accounts) await attempt('begin', () => untilDone(() => begin(own)));
const names = Object.keys(operations);
const lanes = Array.from({ length: LANES }, (_, n) => {
  const ours = accounts.filter((_own, at) => at % LANES === n);
  let turn = n;
  return lane(() => {
    const name = names[turn++ % names.length] as string;
    const own = ours[Math.floor(Math.random() * ours.length)] as (typeof ours)[number];
    return [name, () => operations[name]?.(own) as Promise<void>];
  }, 0);
});
const chores = Object.entries(upkeep);
let chore = 0;
lanes.push(lane(() => chores[chore++ % chores.length] as (typeof chores)[number], 100));

async function withoutTraffic<T>(work: () => Promise<T>): Promise<T> {
  paused = true;
  while (running > 0) await sleep(10);
  const result = await work();
  paused = false;
  return result;
}
async function memory(): Promise<number> {
  for (let n = 0; n < 4; n++) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** A part is away until calls have failed for it; the rest begins when it answers again. */
async function outage(part: 'kms' | 'store', works: () => Promise<unknown>): Promise<void> {
  away = part;
  await ask(`${part} down`);
  while (unanswered[part] < 10) await sleep(20);
  await sleep(Number(ms) / 100);
  await ask(`${part} up`);
  const answers = () =>
    works().then(
      () => true,
      () => false,
    );
  while (!(await answers())) await sleep(50);
  away = 'otherwise';
}

async function renewAll(): Promise<void> {
  renewals.running++;
  const begun = new Date(); // what is done again leaves alone what was renewed since
  const { failedCount, rotation } = await untilDone(() => renewKeys(vault, { before: begun }));
  if (failedCount > 0 || rotation?.failedCount !== 0) wrong.push('renewKeys: some failed');
  renewals.running--;
  renewals.ended++;
}

const start = performance.now();
const reach = (part: number) => sleep(Math.max(0, start + Number(ms) * part - performance.now()));
await reach(0.25);
const early = await withoutTraffic(memory);
await reach(0.3);
await renewAll();
await reach(0.45);
await outage('kms', () => wrapper.wrap(Buffer.alloc(32), { tenantId: 'probe' }));
await reach(0.6);
await withoutTraffic(() => ask('rotate the key of the KMS'));
const { failedCount } = await untilDone(() => keys.rewrap());
if (failedCount > 0) wrong.push(`rewrap: ${failedCount} failed`);
await ask('retire the old version of the key of the KMS');
await renewAll();
await reach(0.75);
await outage('store', () => db.command({ ping: 1 }));
await reach(1);
stopped = true;
await Promise.all(lanes);
const late = await memory();

// Each kind of call is done once more, however slow the machine is. Nothing is lost, and the keys from
// before the two renewals are not needed.
for (const [at, [name, operation]] of Object.entries(operations).entries()) {
  const own = accounts[at % TENANTS] as (typeof accounts)[number];
  await attempt(name, () => untilDone(() => operation(own)));
}
for (const [name, work] of chores) await attempt(name, () => untilDone(work));
for (const own of accounts)
  await attempt('last look', () => untilDone(() => operations.get?.(own) as Promise<void>));
const report = await untilDone(() => verifyVault(other));
const closing = performance.now();
await Promise.all([vault.close(), other.close()]);
await client.close();
for (const agent of Object.values(httpClient.axios.defaults))
  (agent as { destroy?(): void } | undefined)?.destroy?.();
while (String(resources()) !== String(before) && performance.now() < closing + 10_000)
  await sleep(20);
const said: SoakReport = {
  wrong,
  warnings,
  done,
  events,
  unanswered,
  overtaken,
  memory: { early, late },
  resources: { before, after: resources() },
  keys: Object.keys(report.keys),
  historyKeys: Object.keys(report.historyKeys),
};
process.send?.(said);
process.disconnect();
