import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import {
  type AuditEvent,
  defineClientFactory,
  defineProvider,
  HEALTH_CHANNEL,
  type HealthEvent,
  Keyring,
  MemorySecretStore,
  migrateFromSettings,
  rotateKeys,
  type SecretRecord,
  type SecretStore,
  SecretsVault,
  type SecretsVaultOptions,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { coreOf } from '../../../src/core/vault-core.ts';
import { withLease } from '../../../src/lifecycle/lease.ts';
import { auditEvents, newKey, rejection } from '../../support/fixtures.ts';
import { published } from '../../support/published.ts';
import { settingsRows } from '../../support/settings-rows.ts';
import { ended } from '../../support/traces.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2027, 0, 1);
const iso = (ms: number) => new Date(ms).toISOString();

type Answer = Record<string, unknown>;
type Exchange = (fields: Readonly<Record<string, string>>, signal: AbortSignal) => unknown;

/** A provider that counts its renewals, a clock, and processes (vaults) that share a store. */
function setUp(options: { store?: SecretStore; timeoutMs?: number; marginMs?: number } = {}) {
  const { store = new MemorySecretStore(), timeoutMs = 1_000, marginMs } = options;
  const clock = { now: START };
  const provider = {
    exchanges: 0,
    /** What the provider answers; by default the next token, good for an hour. */
    exchange: undefined as Exchange | undefined,
  };
  const next = (): Answer => ({
    accessToken: `access${provider.exchanges}`,
    refreshToken: `refresh${provider.exchanges}`,
    expiresAt: iso(clock.now + HOUR),
  });
  const definition = defineProvider({
    name: 'google',
    fields: {
      accessToken: { label: 'Access', secret: true, settingsKey: 'google_access' },
      refreshToken: { label: 'Refresh', secret: true, pattern: /^refresh\d*$/ },
      expiresAt: { label: 'Expires', secret: false, settingsKey: 'google_expires' },
      account: { label: 'Account', secret: false },
    },
    complete: [['accessToken']],
    refresh: {
      expiresAt: 'expiresAt',
      timeoutMs,
      ...(marginMs !== undefined && { marginMs }),
      exchange: async ({ fields, signal }) => {
        provider.exchanges++;
        const answer = provider.exchange?.(fields as Record<string, string>, signal) ?? next();
        return (await answer) as Record<string, string>;
      },
    },
  });
  const key = newKey();
  const keys = new Keyring({ encryptionKey: key });
  const process = (more: Partial<SecretsVaultOptions> = {}) =>
    new SecretsVault({ store, keys, now: () => clock.now, providers: [definition], ...more });
  const vault = process();
  const connect = (leftMs: number, more: Answer = {}) =>
    vault.put('acme', 'google', {
      accessToken: 'access0',
      refreshToken: 'refresh0',
      expiresAt: iso(clock.now + leftMs),
      account: 'sales',
      ...more,
    });
  const refuse = (error: object) => () => Promise.reject(Object.assign(new Error('no'), error));
  return { store, clock, provider, next, definition, key, keys, process, vault, connect, refuse };
}

const EXPIRED = -1;
const DUE = 60_000; // valid, and within the margin of 15 minutes
const refresh = 'ERR_REFRESH_FAILED';

/** A store each `get` of which takes two seconds, on a monotonic clock that moves only by that. */
function slowToRead(): MemorySecretStore {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const store = new MemorySecretStore();
  const get = store.get.bind(store);
  store.get = (...args) => {
    vi.advanceTimersByTime(2_000);
    return get(...args);
  };
  return store;
}

describe('fresh', () => {
  it('is require where nothing is due, or nothing can be', async () => {
    const { vault, connect, provider } = setUp();
    expect(await rejection(vault.fresh('acme', 'google'))).toMatchObject({
      code: 'ERR_SECRET_NOT_FOUND',
    });
    await connect(HOUR);
    const { accessToken, meta } = await vault.fresh('acme', 'google');
    expect([accessToken, meta.rev]).toEqual(['access0', 1]);
    await vault.patch('acme', 'google', { expiresAt: null });
    expect((await vault.tenant('acme').fresh('google')).accessToken).toBe('access0');
    await vault.put('acme', 'custom', { key: 'x' });
    expect((await vault.fresh('acme', 'custom')).key).toBe('x');
    expect(provider.exchanges).toBe(0);
  });

  it.each([
    ['expired', EXPIRED],
    ['within its margin', DUE],
    ['of a time that cannot be read', Number.NaN],
  ])('renews what is %s, and keeps all else', async (_what, leftMs) => {
    const { vault, connect, provider, clock, store } = setUp();
    const unreadable = Number.isNaN(leftMs) ? { expiresAt: 'soon' } : {};
    await connect(leftMs || 0, { accessToken: 'earlier' });
    await vault.put(
      'acme',
      'google',
      {
        accessToken: 'access0',
        refreshToken: 'refresh0',
        account: 'sales',
        expiresAt: iso(clock.now + (leftMs || 0)),
        ...unreadable,
      },
      { actor: 'ann' },
    );
    const before = (await store.get({ tenantId: 'acme', provider: 'google' })) as SecretRecord;
    clock.now += 1_000;
    const events = await auditEvents(async () => {
      const fresh = await vault.fresh('acme', 'google', { actor: 'job', reason: 'send' });
      expect(fresh.reveal()).toEqual({
        accessToken: 'access1',
        refreshToken: 'refresh1',
        account: 'sales',
        expiresAt: iso(clock.now + HOUR),
      });
      expect(fresh.meta).toMatchObject({ rev: 3, expiresAt: new Date(clock.now + HOUR) });
    });
    expect(events.map(({ action, outcome, rev, actor }) => [action, outcome, rev, actor])).toEqual([
      ['refresh', 'ok', 3, 'job'],
      ['get', 'ok', 3, 'job'],
    ]);
    // not a version for people: the history and the author stay
    const after = (await store.get({ tenantId: 'acme', provider: 'google' })) as SecretRecord;
    expect(after.history).toEqual(before.history);
    expect(after.metadata).toMatchObject({ updatedBy: 'ann', updatedAt: new Date(clock.now) });
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('access1');
    expect(provider.exchanges).toBe(1);
    expect((await store.list('acme')).map(({ provider }) => provider)).toEqual(['google']);
  });

  it('works with a definition that the vault was not given', async () => {
    const { process, definition, connect } = setUp();
    await connect(HOUR);
    const vault = process({ providers: [] });
    const { etag } = await vault.put('acme', definition, {
      accessToken: 'a',
      refreshToken: 'refresh',
      expiresAt: iso(START),
    });
    expect(etag).toHaveLength(16);
    expect((await vault.status('acme', definition)).expiresAt).toEqual(new Date(START));
    const fresh = await vault.fresh('acme', definition);
    const token: string | undefined = fresh.accessToken;
    expect(token).toBe('access1');
    expect((await vault.list('acme'))[0]?.expiresAt).toEqual(new Date(START + HOUR));
  });

  it('names the credentials in the trace of the renewal', async () => {
    const { vault, connect } = setUp();
    await connect(EXPIRED);
    const traces = await ended(() => vault.fresh('acme', 'google'));
    const own = traces.filter(({ operation }) => operation === 'refresh');
    expect(own).toMatchObject([{ tenantId: 'acme', provider: 'google' }]);
  });

  it('finds the record whatever the order in which the store gives it', async () => {
    const { vault, connect, provider, store, refuse, clock } = setUp();
    const getMany = store.getMany.bind(store);
    store.getMany = async (...args) => (await getMany(...args)).reverse();
    await connect(EXPIRED);
    provider.exchange = refuse({ status: 500 });
    await rejection(vault.fresh('acme', 'google')); // beside it is its health now
    provider.exchange = undefined;
    clock.now += 31_000;
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('access2');
  });

  it('asks once for all callers of a process', async () => {
    const { vault, connect, provider } = setUp();
    await connect(EXPIRED);
    const all = Array.from({ length: 20 }, () => vault.fresh('acme', 'google'));
    const tokens = (await Promise.all(all)).map(({ accessToken }) => accessToken);
    expect(new Set(tokens)).toEqual(new Set(['access1']));
    expect(provider.exchanges).toBe(1);
  });

  it('gives the old token while it is valid and somebody else renews it', async () => {
    const { vault, process, connect, provider, next } = setUp();
    await connect(DUE);
    let answer = (_value: unknown) => {};
    provider.exchange = () => new Promise((resolve) => (answer = resolve));
    const first = vault.fresh('acme', 'google');
    while (provider.exchanges === 0) await sleep(1);
    for (const other of [vault, process()]) {
      expect((await other.fresh('acme', 'google')).accessToken).toBe('access0');
    }
    answer(next());
    expect((await first).accessToken).toBe('access1');
    expect(provider.exchanges).toBe(1);
  });

  it('does not renew again and again what lives for less than the margin', async () => {
    const { vault, connect, provider, clock } = setUp();
    await connect(EXPIRED);
    provider.exchange = () => ({ accessToken: 'short', expiresAt: iso(clock.now + 60_000) });
    await vault.fresh('acme', 'google');
    clock.now += 29_000;
    await vault.fresh('acme', 'google');
    expect(provider.exchanges).toBe(1);
    clock.now += 2_000; // past the half of it
    await vault.fresh('acme', 'google');
    expect(provider.exchanges).toBe(2);
    // and what has no readable time not with every call
    provider.exchange = () => ({ accessToken: 'odd', expiresAt: 'in an hour' });
    clock.now += 60_000;
    for (let n = 0; n < 3; n++) await vault.fresh('acme', 'google');
    expect(provider.exchanges).toBe(3);
    // nor what has expired before it is there
    provider.exchange = () => ({ accessToken: 'late', expiresAt: iso(clock.now - 1) });
    clock.now += 60_000;
    for (let n = 0; n < 3; n++) await vault.fresh('acme', 'google');
    expect(provider.exchanges).toBe(4);
  });

  it('takes tokens whose form the definition does not know', async () => {
    const { vault, connect, provider, clock } = setUp();
    await connect(EXPIRED);
    provider.exchange = () => ({
      refreshToken: 'v2-token',
      expiresAt: iso(clock.now + HOUR),
      idToken: 'x',
    });
    expect((await vault.fresh('acme', 'google')).refreshToken).toBe('v2-token');
    expect((await vault.require('acme', 'google')).idToken).toBe('x');
  });

  it('reads a cached record again before it renews it, and forgets it', async () => {
    const { process, connect, provider } = setUp();
    await connect(EXPIRED);
    const [one, two] = [
      process({ cache: { ttlMs: 60_000 } }),
      process({ cache: { ttlMs: 60_000 } }),
    ];
    await two.get('acme', 'google');
    await one.fresh('acme', 'google');
    for (let n = 0; n < 2; n++) {
      expect((await two.fresh('acme', 'google')).accessToken).toBe('access1');
    }
    expect(provider.exchanges).toBe(1);
  });

  it('ends for a caller who aborts it, and not for the others', async () => {
    const { vault, connect, provider, next } = setUp();
    await connect(EXPIRED);
    provider.exchange = async () => {
      await sleep(100);
      return next();
    };
    const signal = AbortSignal.timeout(10);
    const [aborted, other] = await Promise.allSettled([
      vault.fresh('acme', 'google', { signal }),
      vault.fresh('acme', 'google'),
    ]);
    expect(aborted).toMatchObject({ reason: { code: 'ERR_ABORTED' } });
    expect(other).toMatchObject({ status: 'fulfilled', value: { accessToken: 'access1' } });
  });
});

describe('a provider that does not renew', () => {
  it.each([
    ['503', { status: 503 }, '(503)'],
    ['a dropped connection', { code: 'ECONNRESET' }, '(ECONNRESET)'],
    ['a wrong client', { error: 'invalid_client' }, '(invalid_client)'],
    ['anything', { error: 'Bearer abc', code: { $ne: 1 } }, '(unknown error)'],
  ])('is left alone for half a minute: %s', async (_what, error, said) => {
    const { vault, connect, provider, refuse, clock } = setUp();
    await connect(DUE);
    provider.exchange = refuse(error);
    for (let n = 0; n < 3; n++) {
      expect((await vault.fresh('acme', 'google')).accessToken).toBe('access0');
    }
    expect(provider.exchanges).toBe(1);
    expect((await vault.status('acme', 'google')).health).toMatchObject({
      state: 'expiring',
      code: 'refresh_failed',
      since: new Date(clock.now),
    });
    clock.now += 61_000; // it has expired
    const failure = await rejection(vault.fresh('acme', 'google'));
    expect(failure).toMatchObject({ code: refresh, message: expect.stringContaining(said) });
    expect(await rejection(vault.fresh('acme', 'google'))).toMatchObject({ code: refresh });
    expect(provider.exchanges).toBe(2);
    expect((await vault.status('acme', 'google')).health?.state).toBe('failing');
    // back again
    provider.exchange = undefined;
    clock.now += 31_000;
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('access3');
    expect((await vault.status('acme', 'google')).health).toMatchObject({ state: 'ok' });
  });

  it('is left alone from its last failure on', async () => {
    const { vault, process, connect, provider, refuse, clock } = setUp();
    await connect(EXPIRED);
    provider.exchange = refuse({ status: 500 });
    for (let n = 0; n < 2; n++) {
      await rejection(vault.fresh('acme', 'google'));
      clock.now += 20_000;
      await rejection(process().fresh('acme', 'google'));
      clock.now += 10_000;
    }
    expect(provider.exchanges).toBe(2);
  });

  it('is left alone by the other processes, too', async () => {
    const { vault, process, connect, provider, refuse, clock } = setUp();
    await connect(EXPIRED);
    provider.exchange = refuse({ status: 500 });
    for (const one of [vault, process(), process()]) {
      expect(await rejection(one.fresh('acme', 'google'))).toMatchObject({ code: refresh });
    }
    expect(provider.exchanges).toBe(1);
    clock.now += 31_000;
    provider.exchange = undefined;
    expect((await process().fresh('acme', 'google')).accessToken).toBe('access2');
  });

  it('has its time, whether or not it hears the signal, and what comes late is kept', async () => {
    const { vault, connect, provider, next } = setUp({ timeoutMs: 100 });
    await connect(EXPIRED);
    let aborted = false;
    let answer = () => {};
    const late = new Promise<void>((resolve) => (answer = resolve));
    provider.exchange = async (_fields, signal) => {
      await late;
      aborted = signal.aborted;
      return next();
    };
    expect(await rejection(vault.fresh('acme', 'google'))).toMatchObject({
      code: refresh,
      message: expect.stringContaining('(timeout)'),
    });
    answer();
    await vi.waitFor(
      async () => expect((await vault.require('acme', 'google')).accessToken).toBe('access1'),
      20_000,
    );
    expect(aborted).toBe(true);
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('access1');
    expect(provider.exchanges).toBe(1);
  });

  it.each([
    [undefined],
    [null],
    ['text'],
    [{ accessToken: 5 }],
    [{ 'a b': 'x' }],
    [{ accessToken: '••••••••' }],
  ])('that answers %j changes nothing', async (answer) => {
    const { vault, connect, provider, store } = setUp();
    await connect(EXPIRED);
    const before = await store.get({ tenantId: 'acme', provider: 'google' });
    provider.exchange = () => Promise.resolve(answer);
    const error = (await rejection(vault.fresh('acme', 'google'))) as Error;
    expect(error).toMatchObject({ code: refresh });
    expect(error.message).toMatch(/must be|may not|mask|name/); // what is wrong with it
    expect(await store.get({ tenantId: 'acme', provider: 'google' })).toEqual(before);
  });

  it('shows no token in an error, whatever the provider says', async () => {
    const { vault, connect, provider } = setUp();
    await connect(EXPIRED, { refreshToken: 'refresh12345' });
    provider.exchange = ({ refreshToken }) => {
      const error = new Error(`POST /token refresh_token=${refreshToken}`);
      throw Object.assign(error, { error: refreshToken, config: { data: refreshToken } });
    };
    const error = await rejection(vault.fresh('acme', 'google'));
    expect(error).toMatchObject({ code: refresh });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('refresh12345');
  });
});

it.each([
  [
    'throws',
    {
      get: (): never => {
        throw new Error('refresh12345');
      },
    },
  ],
  ['is no text', { value: Object.create(null) }],
])('a failure with a member that %s is one like others', async (_what, member) => {
  const { vault, connect, provider } = setUp();
  await connect(EXPIRED, { refreshToken: 'refresh12345' });
  provider.exchange = () => Promise.reject(Object.defineProperty({}, 'error', member));
  const error = await rejection(vault.fresh('acme', 'google'));
  expect(error).toMatchObject({ code: refresh, message: expect.stringContaining('unknown error') });
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('refresh12345');
  expect((await vault.status('acme', 'google')).health?.code).toBe('refresh_failed');
});

describe('a refused grant', () => {
  const invalid = { error: 'invalid_grant' };

  it.each([
    ['expired', EXPIRED],
    ['valid', DUE],
  ])('asks for a new one, deletes nothing, and is told once: %s', async (_what, leftMs) => {
    const { vault, process, connect, provider, refuse, store, clock } = setUp();
    const events = published<HealthEvent>(HEALTH_CHANNEL);
    await connect(leftMs);
    const before = await store.get({ tenantId: 'acme', provider: 'google' });
    provider.exchange = refuse(invalid);
    const audit = await auditEvents(async () => {
      for (const one of [vault, vault, process()]) {
        const error = await rejection(one.fresh('acme', 'google'));
        expect(error).toMatchObject({
          code: refresh,
          message: expect.stringContaining('invalid_grant'),
        });
      }
    });
    expect(provider.exchanges).toBe(1);
    expect(await store.get({ tenantId: 'acme', provider: 'google' })).toEqual(before);
    const status = await vault.status('acme', 'google');
    const health = {
      state: 'needs_reauthorization',
      code: 'invalid_grant',
      since: new Date(clock.now),
      checkedAt: new Date(clock.now),
    };
    expect(status).toMatchObject({ state: 'configured', etag: before?.data.slice(0, 16) });
    expect(status.health).toEqual(health);
    const [inAll] = (await vault.status('acme')).filter(({ provider }) => provider === 'google');
    expect(inAll?.health).toEqual(health);
    expect(events).toEqual([{ tenantId: 'acme', provider: 'google', ...health }]);
    const actions = (action: AuditEvent['action']) =>
      audit.filter((event) => event.action === action).map(({ outcome, code }) => [outcome, code]);
    expect(actions('health')).toEqual([['failed', 'invalid_grant']]);
    expect(actions('refresh')[0]).toEqual(['refused', refresh]);

    // the customer connects again
    provider.exchange = undefined;
    await connect(EXPIRED);
    expect((await vault.status('acme', 'google')).health).toBeUndefined();
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('access2');
    expect(provider.exchanges).toBe(2);
    // and goes: nothing of it stays
    await vault.delete('acme', 'google');
    expect(await store.list('acme')).toEqual([]);
  });

  it('is none when somebody else has renewed it meanwhile', async () => {
    const { vault, process, connect, provider, refuse, clock } = setUp();
    await connect(EXPIRED);
    provider.exchange = async () => {
      await process().put('acme', 'google', {
        accessToken: 'of somebody else',
        refreshToken: 'refresh9',
        expiresAt: iso(clock.now + HOUR),
      });
      return refuse(invalid)();
    };
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('of somebody else');
    expect((await vault.status('acme', 'google')).health).toBeUndefined();
  });

  it('is none when somebody else has stored what is valid, and nearly due again', async () => {
    const { vault, process, connect, provider, refuse, clock } = setUp();
    await connect(EXPIRED);
    provider.exchange = async () => {
      const fields = { accessToken: 'theirs', expiresAt: iso(clock.now + DUE) };
      await process().put('acme', 'google', fields);
      return refuse(invalid)();
    };
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('theirs');
  });

  it('is one when something else was changed meanwhile', async () => {
    const { vault, process, connect, provider, refuse } = setUp();
    await connect(EXPIRED);
    let patched = false;
    provider.exchange = async () => {
      if (!patched) await process().patch('acme', 'google', { account: 'support' });
      patched = true;
      return refuse(invalid)();
    };
    for (let n = 0; n < 3; n++) {
      expect(await rejection(vault.fresh('acme', 'google'))).toMatchObject({ code: refresh });
    }
    expect(provider.exchanges).toBe(2);
    expect((await vault.status('acme', 'google')).health?.state).toBe('needs_reauthorization');
  });

  it('is tried again after ten minutes, as providers err', async () => {
    const { vault, process, connect, provider, refuse, clock } = setUp();
    const events = published<HealthEvent>(HEALTH_CHANNEL);
    await connect(EXPIRED);
    provider.exchange = refuse(invalid);
    await rejection(vault.fresh('acme', 'google'));
    provider.exchange = undefined;
    clock.now += 10 * 60_000 - 1;
    for (const one of [vault, process()]) {
      expect(await rejection(one.fresh('acme', 'google'))).toMatchObject({ code: refresh });
    }
    expect(provider.exchanges).toBe(1);
    clock.now += 1;
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('access2');
    expect((await vault.status('acme', 'google')).health).toEqual({
      state: 'ok',
      since: new Date(clock.now),
      checkedAt: new Date(clock.now),
    });
    expect(events.map(({ state, previous }) => [state, previous])).toEqual([
      ['needs_reauthorization', undefined],
      ['ok', 'needs_reauthorization'],
    ]);
  });
});

describe('new tokens', () => {
  it.each(['before', 'after'] as const)(
    'are held while the store fails (%s), and stored once it works',
    async (fault) => {
      const faulty = new FaultyStore(new MemorySecretStore());
      const { vault, process, connect, provider, next } = setUp({ store: faulty.store });
      await connect(EXPIRED);
      provider.exchange = () => {
        for (let n = 1; n <= 3; n++) faulty.fail('put', fault, n);
        faulty.fail('getMany', fault, 2);
        return next();
      };
      expect((await vault.fresh('acme', 'google')).accessToken).toBe('access1');
      expect((await process().require('acme', 'google')).reveal()).toMatchObject({
        accessToken: 'access1',
        refreshToken: 'refresh1',
        account: 'sales',
      });
      expect(provider.exchanges).toBe(1);
    },
  );

  it('are merged with what somebody changed meanwhile', async () => {
    const { vault, process, connect, provider, next } = setUp();
    await connect(EXPIRED);
    provider.exchange = async () => {
      await process().patch('acme', 'google', { account: 'support' });
      return next();
    };
    const { accessToken, account } = await vault.fresh('acme', 'google');
    expect([accessToken, account]).toEqual(['access1', 'support']);
    expect((await vault.require('acme', 'google')).account).toBe('support');
  });

  it('give way to one of them that somebody has replaced', async () => {
    const { vault, process, connect, provider, next } = setUp();
    await connect(EXPIRED);
    provider.exchange = async () => {
      await process().patch('acme', 'google', { refreshToken: 'refresh7' });
      return next();
    };
    const { accessToken, refreshToken } = await vault.fresh('acme', 'google');
    expect([accessToken, refreshToken]).toEqual(['access0', 'refresh7']);
  });

  it('give way to a new connection', async () => {
    const { vault, connect, provider, next } = setUp();
    await connect(EXPIRED);
    provider.exchange = async () => {
      await connect(HOUR, { accessToken: 'connected anew', refreshToken: 'refresh7' });
      return next();
    };
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('connected anew');
    expect((await vault.require('acme', 'google')).refreshToken).toBe('refresh7');
  });

  it('do not bring back what was deleted', async () => {
    const { vault, connect, provider, next, store } = setUp();
    await connect(EXPIRED);
    provider.exchange = async () => {
      await vault.delete('acme', 'google');
      return next();
    };
    expect(await rejection(vault.fresh('acme', 'google'))).toMatchObject({
      code: 'ERR_SECRET_NOT_FOUND',
    });
    expect(await store.list('acme')).toEqual([]);
  });
});

describe('the lease of a renewal', () => {
  const LEASE = { tenantId: 'acme', name: 'refresh/google', leaseMs: 60_000, waitMs: 0 };

  it('is needed: without it there is no renewal', async () => {
    const faulty = new FaultyStore(new MemorySecretStore());
    const { vault, process, connect, provider } = setUp({ store: faulty.store });
    await connect(DUE);
    await withLease(coreOf(process()), LEASE, async () => {
      expect((await vault.fresh('acme', 'google')).accessToken).toBe('access0');
    });
    faulty.fail('put', 'before');
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('access0');
    expect(provider.exchanges).toBe(0);
    await connect(EXPIRED);
    faulty.fail('put', 'before');
    expect(await rejection(vault.fresh('acme', 'google'))).toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
    expect(provider.exchanges).toBe(0);
  });

  it('is waited for by a caller who joins one that does not wait', async () => {
    const { vault, process, connect, provider, clock, store } = setUp({ timeoutMs: 1 });
    await connect(DUE);
    let giveBack = () => {};
    const held = new Promise<void>((resolve) => (giveBack = resolve));
    const holding = withLease(coreOf(process()), LEASE, () => held);
    await sleep(10);
    let looked = () => {};
    const looking = new Promise<void>((resolve) => (looked = resolve));
    let goOn = () => {};
    const slow = new Promise<void>((resolve) => (goOn = resolve));
    const get = store.get.bind(store);
    store.get = async (ref, ...rest) => {
      if (ref.provider.startsWith('$lease')) {
        looked();
        await slow;
      }
      return get(ref, ...rest);
    };
    const valid = vault.fresh('acme', 'google'); // tries once
    await looking;
    clock.now += HOUR; // and now it has expired
    const expired = vault.fresh('acme', 'google');
    await sleep(20);
    goOn();
    setTimeout(giveBack, 100);
    expect((await expired).accessToken).toBe('access1');
    expect((await valid).accessToken).toBe('access0');
    await holding;
    expect(provider.exchanges).toBe(1);
  });

  it('is not had for ever', async () => {
    const { vault, process, connect, provider } = setUp({ store: slowToRead(), timeoutMs: 1 });
    await connect(EXPIRED);
    await withLease(coreOf(process()), LEASE, async () => {
      expect(await rejection(vault.fresh('acme', 'google'))).toMatchObject({
        code: 'ERR_LEASE_TIMEOUT',
      });
    });
    expect(provider.exchanges).toBe(0);
  });

  it('is lost to a holder that hung, which then exchanges nothing', async () => {
    const memory = slowToRead();
    const { vault, process, connect, provider } = setUp({ store: memory, timeoutMs: 1 });
    await connect(EXPIRED);
    let wake = () => {};
    const hanging = new Promise<void>((resolve) => (wake = resolve));
    const slow = process({
      store: new Proxy(memory, {
        get: (target, name) => {
          if (name !== 'getMany') return Reflect.get(target, name).bind(target);
          return async (...args: Parameters<SecretStore['getMany']>) => {
            const records = await target.getMany(...args);
            await hanging;
            return records;
          };
        },
      }),
    });
    const late = slow.fresh('acme', 'google');
    while (
      (await memory.get({ tenantId: 'acme', provider: '$lease:refresh/google' })) === undefined
    ) {
      await sleep(1);
    }
    expect((await vault.fresh('acme', 'google')).accessToken).toBe('access1');
    wake();
    expect((await late).accessToken).toBe('access1');
    expect(provider.exchanges).toBe(1);
  });
});

it('tells of the exchange before it, where events may not be lost', async () => {
  const { process, connect, provider } = setUp();
  await connect(EXPIRED);
  const told: unknown[] = [];
  const sink = {
    write: ({ action, rev }: AuditEvent) => {
      if (action === 'refresh') told.push({ rev, exchanges: provider.exchanges });
    },
  };
  await process({ audit: { sink, mode: 'strict' } }).fresh('acme', 'google');
  expect(told).toEqual([{ rev: 2, exchanges: 0 }]);
});

it('does not exchange when the event of it cannot be kept', async () => {
  const { process, connect, provider } = setUp();
  await connect(EXPIRED);
  const sink = {
    write: ({ action }: AuditEvent) => {
      if (action === 'refresh') throw new Error('full');
    },
  };
  const strict = process({ audit: { sink, mode: 'strict' } });
  await rejection(strict.fresh('acme', 'google'));
  expect(provider.exchanges).toBe(0);
});

it('every writer keeps the time at which credentials expire', async () => {
  const { vault, connect, key, store, definition } = setUp();
  const expires = async () => (await vault.list('acme'))[0]?.expiresAt?.getTime();
  await connect(HOUR);
  expect(await expires()).toBe(START + HOUR);
  await vault.patch('acme', 'google', { account: 'support' });
  expect(await expires()).toBe(START + HOUR);
  const form = { expiresAt: iso(START + 2 * HOUR) };
  expect(await vault.applyForm('acme', 'google', form)).toMatchObject({
    expiresAt: new Date(START + 2 * HOUR),
  });
  await vault.rollback('acme', 'google', 1);
  expect(await expires()).toBe(START + HOUR);
  await vault.setSecret('acme', 'google_expires', iso(START + 3 * HOUR));
  expect(await expires()).toBe(START + 3 * HOUR);
  await vault.purgeHistory('acme', 'google');
  const newest = new Keyring({ encryptionKey: newKey(), decryptionKeys: [key] });
  const rotated = new SecretsVault({ store, keys: newest, providers: [] });
  await rotateKeys(rotated);
  expect(await expires()).toBe(START + 3 * HOUR);
  // a process that knows nothing of it leaves it
  await rotated.patch('acme', 'google', { account: 'sales' });
  expect(await expires()).toBe(START + 3 * HOUR);
  const after = new SecretsVault({ store, keys: newest, providers: [definition] });
  await after.patch('acme', 'google', { expiresAt: null });
  expect(await expires()).toBeUndefined();

  const rows = settingsRows({ user_id: 'beta', google_access: 'a', google_expires: iso(START) });
  await migrateFromSettings(after, { settings: rows });
  expect((await vault.list('beta'))[0]?.expiresAt).toEqual(new Date(START));
});

describe('a client factory', () => {
  it('makes clients of fresh credentials, and keeps them while they are', async () => {
    const { vault, connect, provider, definition, clock } = setUp();
    const built: (string | undefined)[] = [];
    const getClient = defineClientFactory(definition, ({ fields }) => {
      built.push(fields.accessToken);
      return { token: fields.accessToken };
    });
    await connect(HOUR);
    const options = { tenantId: 'acme', env: {} };
    const first = await getClient(vault, options);
    expect(await getClient(vault, options)).toBe(first);
    clock.now += HOUR;
    const clients = await Promise.all([1, 2, 3].map(() => getClient(vault, options)));
    expect(new Set(clients).size).toBe(1);
    expect(await getClient(vault, options)).toBe(clients[0]);
    expect(built).toEqual(['access0', 'access1']);
    expect(provider.exchanges).toBe(1);
  });

  it('fails clearly when they have expired, and goes on while they are valid', async () => {
    const { vault, connect, provider, definition, clock, refuse } = setUp();
    const getClient = defineClientFactory(definition, ({ fields }) => ({ ...fields }));
    await connect(DUE);
    provider.exchange = refuse({ status: 502 });
    const options = { tenantId: 'acme', env: {} };
    const client = await getClient(vault, options);
    expect(await getClient(vault, options)).toBe(client);
    clock.now += HOUR;
    expect(await rejection(getClient(vault, options))).toMatchObject({ code: refresh });
  });
});
