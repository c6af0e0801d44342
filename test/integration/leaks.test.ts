import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import pino from 'pino';
import {
  type AuditEvent,
  etag,
  Keyring,
  MemorySecretStore,
  migrateFromSettings,
  rotateKeys,
  type SecretRecord,
  SecretsVault,
  verifyVault,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { expect, it, vi } from 'vitest';
import winston from 'winston';
import { newKey } from '../support/fixtures.ts';

const MARK = 'MARKED-value-5e1f';
const key = newKey();
const otherKey = newKey();

/** Everything a process may print or send somewhere, as text. */
class Printed {
  readonly texts: string[] = [];
  readonly #lines = { write: (line: string) => this.texts.push(line) };
  readonly #sink = new Writable({
    write: (chunk, _encoding, done) => {
      this.texts.push(String(chunk));
      done();
    },
  });
  readonly #pino = pino({ level: 'trace' }, this.#lines);
  readonly #winston = winston.createLogger({
    format: winston.format.json(),
    transports: [new winston.transports.Stream({ stream: this.#sink })],
  });

  print(value: unknown): void {
    const error = new Error('around it', { cause: value });
    this.texts.push(
      inspect(value, { depth: 9 }),
      inspect(value, { depth: 9, showHidden: true }),
      inspect(error, { depth: 9 }),
      String(value),
      JSON.stringify({ value }) ?? '',
      String((value as Error | undefined)?.stack),
    );
    if (typeof value === 'object' && value !== null) {
      this.texts.push(inspect({ ...value }), inspect(Object.entries(value)));
      this.#pino.info(value);
      this.#pino.error({ value, err: value });
      this.#winston.info('a line', value);
      this.#winston.info({ message: 'a line', value });
      console.log(value);
      console.table([value]);
      console.error('%o %O %j', value, value, value);
      try {
        this.texts.push(inspect(structuredClone(value), { depth: 9 }));
      } catch {
        // what cannot be cloned cannot leak by it
      }
    }
  }
}

it('no marked value, key or ciphertext is in anything that is printed, published or audited', async () => {
  const printed = new Printed();
  const consoles = (['log', 'error', 'warn', 'info', 'table'] as const).map((name) =>
    vi.spyOn(console, name).mockImplementation((...args: unknown[]) => {
      printed.texts.push(inspect(args, { depth: 9 }));
    }),
  );
  const onEvent = (event: unknown) => printed.print(event);
  subscribe('provider-vault:audit', onEvent);
  const events: AuditEvent[] = [];

  const inner = new MemorySecretStore();
  const faulty = new FaultyStore(inner);
  const keys = new Keyring({ encryptionKey: key, decryptionKeys: [otherKey] });
  const audit = { write: (event: AuditEvent) => void events.push(event) };
  const vault = new SecretsVault({ store: faulty.store, keys, audit, cache: { ttlMs: 1000 } });
  const stranger = new SecretsVault({
    store: inner,
    keys: new Keyring({ encryptionKey: newKey() }),
    audit,
  });
  printed.print(keys);
  printed.print(keys.encryptionKey());
  printed.print(vault);
  printed.print(vault.tenant('a'));

  const marked = { f: MARK, g: `${MARK}-2` };
  const operations: (() => unknown)[] = [
    () => vault.put('a', 'custom', marked, { actor: 'ann', reason: 'test' }),
    () => vault.put('a', 'custom', marked, { ifMatch: 'A'.repeat(16) }),
    () => vault.put('a', 'twilio', { accountSid: MARK }),
    () => vault.put('a', 'twilio', { [MARK]: 'x' } as never),
    () => vault.put('a', 'custom', { f: { [MARK]: MARK } } as never),
    () => vault.put({ $ne: MARK } as never, 'custom', marked),
    () => vault.patch('a', 'custom', { g: MARK }),
    () => vault.get('a', 'custom'),
    () => vault.require('a', 'stripe'),
    () => vault.getMany([{ tenantId: 'a', provider: 'custom' }]),
    () => vault.list('a'),
    () => vault.status('a'),
    () => vault.applyForm('a', 'custom', { f: `${MARK}-3` }),
    () => vault.applyForm('a', 'twilio', { accountSid: MARK } as never),
    () => vault.setSecret('a', 'own_key', MARK),
    () => vault.getAllSecrets('a'),
    () => vault.history('a', 'custom'),
    () => vault.rollback('a', 'custom', 1),
    () => vault.rollback('a', 'custom', 99),
    () => stranger.get('a', 'custom'),
    () => stranger.patch('a', 'custom', { f: MARK }),
    () => stranger.status('a'),
    () => rotateKeys(vault),
    () => verifyVault(stranger),
    () =>
      migrateFromSettings(vault, {
        settings: {
          name: 'rows',
          async *scan() {
            const values = { user_id: 'm', openai_api_key: MARK, smtp_port: { [MARK]: MARK } };
            yield [{ id: 1, values }];
          },
          erase: async () => [],
        },
      }),
    () => {
      faulty.fail('put', 'before');
      return vault.put('b', 'custom', marked);
    },
    () => Keyring.fromEnv({ APP_ENCRYPTION_KEY: `${key}x` }),
    () => vault.delete('a', 'custom'),
  ];
  for (const operate of operations) {
    try {
      printed.print(await operate());
    } catch (error) {
      printed.print(error);
    }
  }
  // A record that was altered
  await vault.put('t', 'custom', marked);
  const record = (await inner.get({ tenantId: 't', provider: 'custom' })) as SecretRecord;
  await inner.put({ ...record, data: `${record.data.slice(0, -8)}AAAAAAA=` }, etag(record));
  for (const read of [() => stranger.get('t', 'custom'), () => vault.status('t')]) {
    printed.print(await read().catch((error: unknown) => error));
  }
  unsubscribe('provider-vault:audit', onEvent);
  printed.print(events);
  for (const spy of consoles) spy.mockRestore();

  expect(events.length).toBeGreaterThan(20);
  expect(printed.texts.length).toBeGreaterThan(300);
  const all = printed.texts.join('\n');
  expect(all).toContain('[redacted]'); // the printing works
  const secrets = [MARK, record.data.slice(0, 24)];
  for (const base64 of [key, otherKey]) {
    secrets.push(base64.slice(0, 16), Buffer.from(base64, 'base64').toString('hex').slice(0, 16));
  }
  for (const secret of secrets) {
    const at = all.indexOf(secret);
    expect(at === -1 ? 'not found' : all.slice(Math.max(0, at - 200), at + 60)).toBe('not found');
  }
});
