import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import {
  defineProvider,
  Keyring,
  MemorySecretStore,
  open,
  type SecretRecord,
  type SecretStore,
  SecretsVault,
  type VaultErrorCode,
  verifySendGridWebhook,
  verifyTwilioWebhook,
  verifyVault,
} from 'provider-vault';
import { memoryVault } from '../support/fixtures.ts';
import { outcome } from '../support/outcome.ts';

// What holds for every input, whoever makes it: fast-check in the tests beside this file, libFuzzer in
// jazzer/. Each function throws where it does not hold.

export const SECRET = 'the secret of acme';
export const REFUSED: VaultErrorCode[] = [
  'ERR_MALFORMED',
  'ERR_DECRYPTION_FAILED',
  'ERR_BINDING',
  'ERR_KEY_UNKNOWN',
  'ERR_STORE_FAILED',
];
const INVALID: VaultErrorCode[] = ['ERR_INVALID_ARGUMENT'];

/** A database in which somebody wrote `record`, whatever that is. */
export function databaseWith(record: SecretRecord): SecretStore {
  const store = new MemorySecretStore();
  const read = async () => structuredClone(record);
  // Stores pass over what has no address.
  const readAll = async () => {
    const odd = await read();
    return typeof odd.tenantId === 'string' && typeof odd.provider === 'string' ? [odd] : [];
  };
  return Object.assign(Object.create(store), {
    get: read,
    getMany: readAll,
    list: async () => [await read()],
    async *scan() {
      yield await readAll();
    },
  }) as SecretStore;
}

/** A text is refused, or it is strict base64 of SECRET, sealed. */
export async function openedOrRefused(data: unknown, key: string): Promise<void> {
  const result = await outcome(REFUSED, () => open(data as string, key));
  if ('code' in result) return;
  assert.equal(result.value.toString(), SECRET);
  assert.equal(Buffer.from(data as string, 'base64').toString('base64'), data);
}

/** A text that is not `key` is no key of `sealed`. It makes a keyring of one key, or none. */
export async function keyOrRefused(text: unknown, sealed: string): Promise<void> {
  const codes: VaultErrorCode[] = ['ERR_KEY_INVALID', 'ERR_KEY_MISSING', 'ERR_DECRYPTION_FAILED'];
  assert.ok('code' in (await outcome(codes, () => open(sealed, text as string))));
  const env = { APP_ENCRYPTION_KEY: text as string };
  const ring = await outcome(codes, () => Keyring.fromEnv(env));
  if ('value' in ring) assert.equal(ring.value.keyIds.length, 1);
}

/** A record of acme/custom gives what was stored, or is refused, and hides no other record. */
export async function recordOrRefused(odd: object, keys: Keyring): Promise<void> {
  const vault = new SecretsVault({ store: databaseWith(odd as SecretRecord), keys });
  const got = await outcome(REFUSED, () => vault.get('acme', 'custom'));
  if ('value' in got && got.value) assert.deepEqual(got.value.reveal(), { secret: SECRET });
  const [first] = await vault.getMany([{ tenantId: 'acme', provider: 'custom' }]);
  if (first?.credentials) assert.deepEqual(first.credentials.reveal(), { secret: SECRET });
  const status = await outcome(REFUSED, () => vault.status('acme', 'custom'));
  assert.ok(!inspect(status, { depth: 9 }).includes(SECRET));
  await outcome(REFUSED, () => vault.list('acme'));
  await outcome(REFUSED, () => vault.history('acme', 'custom'));
  assert.equal(typeof (await verifyVault(vault)).scanned, 'number');
}

const relay = defineProvider({
  name: 'relay',
  fields: {
    host: { label: 'Host', secret: false, destination: true, pattern: /^[a-z.]+$/ },
    number: { label: 'Number', secret: false, lookup: true },
    password: { label: 'Password', secret: true },
  },
  complete: [['host', 'password']],
});

/** What is put comes back as it was, or is refused. */
export async function keptOrRefused(fields: unknown): Promise<void> {
  const { vault } = memoryVault({ providers: [relay] });
  for (const provider of ['custom', 'relay']) {
    const put = await outcome(INVALID, () => vault.put('acme', provider, fields as never));
    if ('code' in put) assert.deepEqual(await vault.list('acme'), []);
    else {
      const kept = (await vault.require('acme', provider)).reveal();
      assert.deepEqual({ ...kept }, { ...(fields as object) });
      await vault.delete('acme', provider);
    }
  }
}

/** A patch, a form and flat keys change what they name, or nothing; a mask is never stored. */
export async function changesOnlyNamed(changes: unknown): Promise<void> {
  const before = { host: 'a.example', number: '+4930123456', password: 'p'.repeat(20) };
  const { vault } = memoryVault({ providers: [relay] });
  await vault.put('acme', 'relay', before);
  const content = async () => ({ ...(await vault.require('acme', 'relay')).reveal() });
  const changing: (() => Promise<unknown>)[] = [
    () => vault.patch('acme', 'relay', changes as never),
    () => vault.applyForm('acme', 'relay', changes as never),
    () => vault.setSecrets('acme', changes as never),
  ];
  for (const change of changing) {
    const stored: Record<string, unknown> = await content();
    const done = await outcome(INVALID, change);
    const after: Record<string, unknown> = await content();
    if ('code' in done) assert.deepEqual(after, stored);
    const named = Object.keys((changes ?? {}) as object);
    for (const name of Object.keys(before)) {
      if (!named.includes(name)) assert.equal(after[name], stored[name]);
    }
    for (const text of Object.values(after)) assert.ok(!String(text).includes('••••'));
  }
  const problems = await outcome(INVALID, () => vault.checkForm('relay', changes as never));
  if ('value' in problems) assert.equal(Object.getPrototypeOf(problems.value), Object.prototype);
}

/** A webhook that nobody signed is not accepted, whether it names its tenant or not. */
export async function twilioForgeryRefused(vault: SecretsVault, webhook: object): Promise<void> {
  for (const whose of [{ tenantId: 'acme' }, { resolve: true }]) {
    const request = { ...webhook, ...whose, env: {} } as never;
    const result = await outcome(INVALID, () => verifyTwilioWebhook(vault, request));
    if ('value' in result) assert.equal(result.value.ok, false);
  }
}

export async function sendgridForgeryRefused(vault: SecretsVault, webhook: object): Promise<void> {
  const request = { ...webhook, tenantId: 'acme' } as never;
  const result = await outcome(INVALID, () => verifySendGridWebhook(vault, request));
  if ('value' in result) assert.equal(result.value.ok, false);
}
