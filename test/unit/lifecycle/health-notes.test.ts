import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type HealthEvent, type SecretRecord, SecretsVault, seal } from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { coreOf } from '../../../src/core/vault-core.ts';
import { noteHealth, type Observation, readHealth } from '../../../src/lifecycle/health.ts';
import { decodeRecord } from '../../../src/record.ts';
import { auditEvents, memoryVault } from '../../support/fixtures.ts';
import { ended } from '../../support/traces.ts';

const REF = { tenantId: 'acme', provider: 'own' };
const HEALTH = { ...REF, provider: '$health:own' };
const failing = { state: 'failing', code: 'wrong_credentials' } as const;

afterEach(() => vi.useRealTimers());

/** A vault with one credential, and both clocks standing still. */
async function setUp() {
  vi.useFakeTimers({ toFake: ['performance'] });
  const clock = { now: Date.UTC(2027, 0, 1) };
  const { vault, store, key, keys } = memoryVault({ now: () => clock.now });
  let etag = (await vault.put('acme', 'own', { key: 'x' })).etag;
  const note = (observation: Observation, through = vault) =>
    noteHealth(coreOf(through), { ref: REF, etag }, observation);
  const health = async () => (await vault.status('acme', 'own')).health;
  const written = async () => (await store.get(HEALTH))?.metadata?.rev ?? 0;
  const replace = async () => {
    const before = etag;
    etag = (await vault.put('acme', 'own', { key: 'y' })).etag;
    return before;
  };
  const pass = (ms: number) => {
    clock.now += ms;
    vi.advanceTimersByTime(ms);
  };
  return { vault, store, key, keys, clock, note, health, written, replace, pass };
}

function healthEvents(): HealthEvent[] {
  const events: HealthEvent[] = [];
  const listen = (event: unknown) => void events.push(event as HealthEvent);
  subscribe('provider-vault:health', listen);
  onTestFinished(() => void unsubscribe('provider-vault:health', listen));
  return events;
}

describe('an observation', () => {
  it('that is repeated is written once a minute, and each check of the same', async () => {
    const { note, written, health, pass, clock, store } = await setUp();
    await note(failing);
    const since = new Date(clock.now);
    pass(59_999);
    await note(failing);
    expect(await written()).toBe(1);
    pass(1);
    await note(failing);
    expect(await written()).toBe(2);
    expect(await health()).toEqual({ ...failing, since, checkedAt: new Date(clock.now) });
    await note({ ...failing, isCheck: true });
    expect(await written()).toBe(3);
    expect(await store.get(HEALTH)).not.toHaveProperty('history');
  });

  it('that says something else is written at once', async () => {
    const { note, written, replace } = await setUp();
    await note(failing);
    await note({ state: 'failing', code: 'refresh_failed' });
    await note({ state: 'expiring', code: 'refresh_failed' });
    expect(await written()).toBe(3);
    await replace();
    await note({ state: 'expiring', code: 'refresh_failed' });
    expect(await written()).toBe(4);
  });

  it('is kept by each vault for itself', async () => {
    const { note, written, store, keys } = await setUp();
    const other = new SecretsVault({ store, keys });
    await note(failing);
    await note(failing, other);
    expect(await written()).toBe(2);
  });

  it('of a success writes nothing where nothing was wrong, unless it is a check', async () => {
    const { note, health, store } = await setUp();
    const events = healthEvents();
    await note({ state: 'ok' });
    expect(await store.get(HEALTH)).toBeUndefined();
    await note({ state: 'ok', isCheck: true });
    expect((await health())?.state).toBe('ok');
    expect(events).toEqual([]); // no news
  });

  it('of credentials that are no longer stored is forgotten', async () => {
    const { vault, store, replace } = await setUp();
    const old = await replace();
    await noteHealth(coreOf(vault), { ref: REF, etag: old }, failing);
    expect(await store.get(HEALTH)).toBeUndefined();
    const none = { ...REF, tenantId: 'nobody' };
    await noteHealth(coreOf(vault), { ref: none, etag: old }, failing);
    expect(await store.list('nobody')).toEqual([]);
  });

  it('is told when the state changes, with the one before, and kept in the audit trail', async () => {
    const { note, clock, pass } = await setUp();
    const events = healthEvents();
    const start = new Date(clock.now);
    const audit = await auditEvents(async () => {
      await note(failing);
      pass(1_000);
      await note({ state: 'failing', code: 'refresh_failed' }); // for another reason
      await note({ state: 'failing', code: 'refresh_failed', isCheck: true });
      pass(1_000);
      await note({ state: 'ok' });
      await note({ state: 'ok', isCheck: true });
    });
    const healthy = { state: 'ok', since: new Date(clock.now), checkedAt: new Date(clock.now) };
    expect(events).toStrictEqual([
      { ...REF, ...failing, since: start, checkedAt: start },
      { ...REF, ...healthy, previous: 'failing' },
    ]);
    expect(events.every(Object.isFrozen)).toBe(true);
    const kept = audit.filter(({ action }) => action === 'health');
    expect(kept.map(({ outcome, code }) => [outcome, code])).toEqual([
      ['failed', 'wrong_credentials'],
      ['failed', 'refresh_failed'],
      ['ok', undefined],
    ]);
  });

  it('names the new state in its trace, and none where that is the old one', async () => {
    const { note } = await setUp();
    const traces = await ended(async () => {
      await note(failing);
      await note({ ...failing, isCheck: true });
    });
    const own = traces.filter(({ operation }) => operation === 'health');
    expect(own.map(({ health }) => health)).toEqual(['failing', undefined]);
    expect(own[0]).toMatchObject(REF);
  });

  it('says since when it is so, whatever the reason', async () => {
    const { note, health, clock, pass } = await setUp();
    const since = new Date(clock.now);
    await note(failing);
    pass(5_000);
    await note({ state: 'failing', code: 'refresh_failed' });
    expect(await health()).toEqual({
      state: 'failing',
      code: 'refresh_failed',
      since,
      checkedAt: new Date(clock.now),
    });
  });
});

describe('a refused grant', () => {
  const refused = { state: 'needs_reauthorization', code: 'invalid_grant' } as const;

  it('is not hidden by what follows from it, and ends with a success', async () => {
    const { note, health, written } = await setUp();
    await note(refused);
    for (const state of ['failing', 'expiring'] as const) {
      await note({ state, code: 'refresh_failed', isCheck: true });
    }
    expect(await written()).toBe(1);
    expect(await health()).toMatchObject(refused);
    await note({ state: 'ok' });
    expect((await health())?.state).toBe('ok');
  });

  it('of earlier credentials says nothing of new ones', async () => {
    const { note, health, replace } = await setUp();
    await note(refused);
    await replace();
    expect(await health()).toBeUndefined();
    await note({ state: 'failing', code: 'refresh_failed' });
    expect(await health()).toMatchObject({ state: 'failing' });
  });
});

describe('the health of renewed credentials', () => {
  it('goes on from that of those they replace', async () => {
    const { note, health, replace, clock, pass } = await setUp();
    const events = healthEvents();
    const since = new Date(clock.now);
    await note({ state: 'ok', isCheck: true });
    pass(1_000);
    const renewed = await replace();
    await note({ state: 'ok', isCheck: true, renewed });
    expect(await health()).toStrictEqual({ state: 'ok', since, checkedAt: new Date(clock.now) });
    expect(events).toEqual([]);
  });
});

describe('a health that cannot be kept', () => {
  it('is written by the next observation', async () => {
    const { note, written, store, keys } = await setUp();
    const faulty = new FaultyStore(store);
    const vault = new SecretsVault({ store: faulty.store, keys });
    for (const method of ['getMany', 'put'] as const) {
      faulty.fail(method, 'before');
      const before = await written();
      await note({ ...failing, code: `by ${method}` }, vault);
      expect(await written()).toBe(before);
      await note({ ...failing, code: `by ${method}` }, vault);
      expect(await written()).toBe(before + 1);
    }
  });

  it('is given up after five lost races', async () => {
    const { note, store } = await setUp();
    const put = store.put.bind(store);
    let writes = 0;
    store.put = async (record, expected) => {
      if (record.provider !== HEALTH.provider) return put(record, expected);
      writes++;
      return false;
    };
    await note(failing);
    expect(writes).toBe(5);
  });

  it('and that cannot be read counts as unknown', async () => {
    const { note, health, store, vault, key } = await setUp();
    await note(failing);
    const record = (await store.get(HEALTH)) as SecretRecord;
    expect(await readHealth(coreOf(vault), decodeRecord(record))).toMatchObject(failing);
    expect(await readHealth(coreOf(vault), undefined)).toBeUndefined();
    const $bind = { t: HEALTH.tenantId, p: HEALTH.provider, r: 1 };
    const odd = seal(JSON.stringify({ state: 'fine', $bind }), key);
    expect(await readHealth(coreOf(vault), decodeRecord({ ...record, data: odd }))).toBeUndefined();
    const broken = decodeRecord({ ...record, data: 'broken' });
    expect(await readHealth(coreOf(vault), broken)).toBeUndefined();
    await store.put({ ...record, data: 'broken' }, record.data.slice(0, 16));
    expect(await health()).toBeUndefined();
    await note({ ...failing, code: 'again' });
    expect(await health()).toMatchObject({ code: 'again' });
  });
});
