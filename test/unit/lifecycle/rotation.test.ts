import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import {
  defineProvider,
  MemorySecretStore,
  ProviderError,
  type RotationContext,
  type RotationDefinition,
  rotateCredential,
  rotateDue,
  type SecretStore,
  SecretsVault,
  seal,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { coreOf } from '../../../src/core/vault-core.ts';
import { withLease } from '../../../src/lifecycle/lease.ts';
import { rotate } from '../../../src/lifecycle/rotation.ts';
import { type Crash, crashStore } from '../../support/crash-store.ts';
import { auditEvents, memoryVault, rejection } from '../../support/fixtures.ts';
import { ended } from '../../support/traces.ts';

afterEach(() => vi.useRealTimers());

type Name = 'id' | 'secret' | 'account' | 'note';
type Context = RotationContext<Name>;
type Steps = RotationDefinition<Name>;
type Step = keyof Steps;

const REF = { tenantId: 'acme', provider: 'own' };
const INTENT = { ...REF, provider: '$rotation:own' };
const OLD = { id: 'key0', secret: 'secret0', account: 'sales' };
const SECOND = 1_000;

/** A provider with keys that have an id and a secret, and a vault with its first one. */
async function setUp(more: { [S in Step]?: Steps[S] | undefined } = {}) {
  const alive = new Set(['key0']);
  const calls: { step: Step; context: Context & { old?: object } }[] = [];
  /** What happens right after a step. */
  const after: { [S in Step]?: () => Promise<unknown> } = {};
  let made = 0;
  const steps = {
    replaces: () => ['id', 'secret'],
    create: async () => {
      const id = `key${++made}`;
      alive.add(id);
      return { id, secret: `secret${made}`, note: `since ${id}` };
    },
    // Whoever is no longer accepted cannot remove anything.
    discard: async ({ fields }) => {
      if (!alive.has(fields.id ?? '')) throw refusal(401);
      for (const id of alive) if (id !== 'key0') alive.delete(id);
    },
    works: async ({ fields }) => alive.has(fields.id ?? ''),
    revoke: async ({ old }) => void alive.delete(old.id ?? ''),
    finish: () => ({ note: null }),
    ...more,
  } as Steps;
  const logged = Object.entries(steps).map(([name, call]) => {
    const step = name as Step;
    const log = (context: Context) => {
      calls.push({ step, context });
      const result = (call as (context: Context) => object)(context);
      return after[step] ? Promise.resolve(result).finally(after[step]) : result;
    };
    return [step, call && log];
  });
  const definition = defineProvider({
    name: 'own',
    fields: {
      id: { label: 'Id', secret: false },
      secret: { label: 'Secret', secret: true },
      account: { label: 'Account', secret: false },
      note: { label: 'Note', secret: false },
    },
    complete: [['id', 'secret']],
    rotate: Object.fromEntries(logged) as Steps,
  });
  const { vault, store, key, keys } = memoryVault({ providers: [definition] });
  await vault.put('acme', 'own', OLD);
  return {
    alive,
    after,
    vault,
    store,
    key,
    /** The steps so far. */
    steps: () => calls.map(({ step }) => step),
    contexts: (step: Step) =>
      calls.filter((call) => call.step === step).map((call) => call.context),
    fields: async () => (await vault.require('acme', 'own')).reveal(),
    /** The records of the tenant. */
    names: async () => (await store.list('acme')).map(({ provider }) => provider),
    other: (through: SecretStore = store) =>
      new SecretsVault({ store: through, keys, providers: [definition] }),
    run: (options: object = {}, through: SecretsVault = vault) =>
      rotateCredential(through, { ...REF, graceMs: 0, ...options }),
  };
}

const refusal = (status?: number) =>
  new ProviderError('own', 'no', status === undefined ? {} : { status });

/** A clock that only `pass` moves: the monotonic one, or that of the day. */
function clock(name: 'performance' | 'Date' = 'performance'): { pass(ms: number): void } {
  vi.useFakeTimers({ toFake: [name] });
  return { pass: (ms) => void vi.advanceTimersByTime(ms) };
}

/** Waits until a rotation has stored the new credential, and what is left is the grace. */
const inGrace = (store: SecretStore) =>
  vi.waitFor(async () => expect((await store.get(INTENT))?.metadata?.rev).toBe(3));

describe('rotateCredential', () => {
  it('makes the new credential, proves it, stores it, and ends the old one', async () => {
    const { run, fields, steps, contexts, alive, names, vault } = await setUp();
    const audit = await auditEvents(async () => {
      const result = await run({ actor: 'job', reason: 'quarterly' });
      expect(result).toEqual({ ...REF, fields: ['id', 'secret'] });
    });
    expect(steps()).toEqual([
      'replaces',
      'create',
      'works', // the new one
      'works', // the old one, still
      'revoke',
      'works', // the old one, no longer
      'finish',
    ]);
    const [{ name = '' } = {}] = contexts('create');
    expect(name).toMatch(/^provider-vault [0-9a-f]{16}$/);
    const context = { replaced: ['id', 'secret'], name };
    const made = { id: 'key1', secret: 'secret1' };
    const next = { ...OLD, ...made, note: 'since key1' };
    const old = { id: OLD.id, secret: OLD.secret };
    expect(contexts('create')).toEqual([{ ...context, fields: OLD }]);
    expect(contexts('works')[0]).toEqual({ ...context, fields: next });
    expect(contexts('works')[1]).toEqual({ ...context, fields: { ...next, ...old } });
    expect(contexts('revoke')).toEqual([{ ...context, fields: next, old: { ...next, ...old } }]);
    expect(contexts('finish')).toEqual([{ ...context, fields: next, old }]);
    expect(await fields()).toEqual({ ...OLD, ...made });
    expect([...alive]).toEqual(['key1']);
    expect(await names()).toEqual(['own']);
    expect((await vault.require('acme', 'own')).meta).toMatchObject({ rev: 3, updatedBy: 'job' });
    const writes = audit.filter(({ action }) => action === 'patch');
    expect(writes).toMatchObject(Array(2).fill({ actor: 'job', reason: 'quarterly' }));
  });

  it('names each step on its tracing channel', async () => {
    const { run, steps } = await setUp();
    const traces = await ended(() => run());
    const own = traces.filter(({ operation }) => operation === 'rotationStep');
    expect(own.map(({ step }) => step)).toEqual(steps());
    for (const trace of own) expect(trace).toMatchObject(REF);
    const failing = await setUp({ create: async () => ({}) });
    const others = await ended(() => rejection(failing.run()));
    const names = others.flatMap(({ step }) => (step === undefined ? [] : [step]));
    expect(names).toEqual(['replaces', 'create', 'discard']);
  });

  it('replaces a credential of the old system, and a field that was not set [L3]', async () => {
    const { run, store, vault, key, fields } = await setUp({
      replaces: () => ['id', 'secret', 'note'],
      finish: undefined,
    });
    await vault.delete('acme', 'own');
    await store.put({ ...REF, data: seal(JSON.stringify(OLD), key) }, null);
    expect((await run()).fields).toEqual(['id', 'secret']);
    expect(await fields()).toEqual({
      id: 'key1',
      secret: 'secret1',
      account: 'sales',
      note: 'since key1',
    });
  });

  it('works without a `finish`, and writes nothing where that changes nothing', async () => {
    for (const finish of [undefined, () => ({})]) {
      const { run, vault, fields } = await setUp({ finish });
      const audit = await auditEvents(() => run());
      expect(audit.filter(({ action }) => action === 'patch')).toHaveLength(1);
      expect((await fields()).note).toBe('since key1');
      expect((await vault.require('acme', 'own')).meta.rev).toBe(2);
    }
  });

  it('clears a field that the new credential does without', async () => {
    const { run, fields, contexts, vault } = await setUp({
      replaces: () => ['id', 'secret', 'account'],
      create: async () => ({ id: 'key0', secret: 'anew', account: null }),
      revoke: async () => {},
      works: async ({ fields: { account } }) => account === undefined,
      finish: () => ({}),
    });
    await run();
    const next = { id: 'key0', secret: 'anew' };
    expect(await fields()).toEqual(next);
    expect(contexts('works')[0]?.fields).toEqual(next);
    expect((await vault.require('acme', 'own')).meta.rev).toBe(2);
  });

  it('does not revoke what the provider has ended already', async () => {
    const { run, steps, alive } = await setUp({
      create: async () => {
        alive.clear();
        alive.add('key1');
        return { id: 'key1', secret: 's' };
      },
    });
    await run();
    expect(steps()).toEqual(['replaces', 'create', 'works', 'works', 'finish']);
  });

  it('survives the death of its process at each step, and leaves one credential', async () => {
    let finished = false;
    let at = 0;
    while (!finished) {
      at++;
      for (const when of ['before', 'after'] as const) {
        const { run, other, store, alive, fields, names, contexts } = await setUp();
        const crash: Crash = { at, when };
        let died = false;
        const dying = crashStore(store, crash, () => {
          died = true;
          throw new Error('The process has died.');
        });
        await run({}, other(dying)).catch(() => {});
        finished = !died;
        if (finished) break;
        expect(alive).toContain((await fields()).id); // whatever happened
        await store.delete({ ...REF, provider: '$lease:rotate/own' }); // its time is over
        const isKnown = (await names()).includes(INTENT.provider);
        await run();
        expect([...alive]).toEqual([(await fields()).id]);
        expect(await names()).toEqual(['own']);
        const made = new Set(contexts('create').map(({ name }) => name));
        if (isKnown) expect(made.size).toBeLessThanOrEqual(1); // the same name once more
      }
    }
    expect(at).toBeGreaterThan(15);
  });
});

describe('a `create` that fails', () => {
  it.each([400, 403, 499])('with %i has made nothing: it begins anew', async (status) => {
    const { run, names, steps, contexts, fields } = await setUp({
      create: () => Promise.reject(refusal(status)),
    });
    expect(await rejection(run())).toMatchObject({ code: 'ERR_PROVIDER', status });
    expect(await names()).toEqual(['own']);
    expect(await fields()).toEqual(OLD);
    await rejection(run());
    expect(steps()).toEqual(['replaces', 'create', 'replaces', 'create']);
    const names2 = contexts('create').map(({ name }) => name);
    expect(new Set(names2).size).toBe(2);
  });

  it.each<[string, Error]>([
    ['500', refusal(500)],
    ['no answer', refusal()],
    ['an error of its own', new TypeError('fetch of https://own.test/?secret=secret0 failed')],
  ])('with %s may have made one: the next run removes that first', async (_what, failure) => {
    let fails = true;
    const { run, names, steps, contexts, fields, alive } = await setUp({
      create: async () => {
        alive.add('key1');
        if (fails) throw failure;
        alive.add('key2');
        return { id: 'key2', secret: 'secret2' };
      },
    });
    const error = await rejection(run());
    expect(error).toMatchObject({ code: 'ERR_PROVIDER' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('secret=');
    expect(await names()).toEqual([INTENT.provider, 'own']);
    fails = false;
    await run();
    expect(steps().slice(0, 4)).toEqual(['replaces', 'create', 'discard', 'create']);
    const [first, second] = contexts('create');
    expect(contexts('discard')).toEqual([first]);
    expect(second).toEqual(first);
    expect((await fields()).id).toBe('key2');
    expect(await names()).toEqual(['own']);
  });

  it.each<[string, unknown]>([
    ['gives nothing', undefined],
    ['gives no field', {}],
    ['gives the old credential', { id: 'key0', secret: 'secret0' }],
    ['gives a field that is not defined', { id: 'key1', secret: 's', other: 'x' }],
    ['gives a value that is no string', { id: 7, secret: 's' }],
  ])('%s does not end the old credential, and can be run again', async (_what, answer) => {
    const { run, names, steps, fields, alive } = await setUp({
      create: async () => answer as { id: string },
    });
    for (let n = 0; n < 2; n++) {
      const message = expect.stringContaining('The old one stays');
      expect(await rejection(run())).toMatchObject({ code: 'ERR_PROVIDER', message });
      expect(await names()).toEqual(['own']);
    }
    expect(steps()).toEqual(['replaces', 'create', 'discard', 'replaces', 'create', 'discard']);
    expect(await fields()).toEqual(OLD);
    expect([...alive]).toEqual(['key0']);
  });

  it('and whose remains cannot be removed is looked at again by the next run', async () => {
    const { run, names, steps } = await setUp({
      create: async () => ({}),
      discard: () => Promise.reject(refusal(503)),
    });
    expect(await rejection(run())).toMatchObject({ status: 503 });
    expect(await names()).toEqual([INTENT.provider, 'own']);
    expect(await rejection(run())).toMatchObject({ status: 503 });
    expect(steps()).toEqual(['replaces', 'create', 'discard', 'discard']);
  });
});

describe('a provider that is slow', () => {
  it('has half a minute until the new credential works', async () => {
    const { pass } = clock();
    let looks = 0;
    const { run, fields } = await setUp({
      works: async ({ fields: { id } }) => {
        if (id === 'key0') return false;
        if (++looks < 3) pass(14 * SECOND);
        return looks === 3;
      },
    });
    await run();
    expect((await fields()).id).toBe('key1');
    expect(looks).toBe(3);
  });

  it('and never accepts the new credential keeps the old one, and nothing of it stays', async () => {
    const { pass } = clock();
    const { run, fields, names, alive, steps } = await setUp({
      works: async () => {
        pass(31 * SECOND);
        return false;
      },
    });
    expect(await rejection(run())).toMatchObject({
      code: 'ERR_PROVIDER',
      message: expect.stringContaining('does not accept the new credential'),
    });
    expect(steps()).toEqual(['replaces', 'create', 'works', 'discard']);
    expect(await fields()).toEqual(OLD);
    expect([...alive]).toEqual(['key0']);
    expect(await names()).toEqual(['own']);
  });

  it('has ten minutes until the old credential is dead', async () => {
    const { pass } = clock();
    let left = 3;
    const { run, steps } = await setUp({
      works: async ({ fields: { id } }) => {
        if (id !== 'key0') return true;
        if (left < 3) pass(250 * SECOND);
        return left-- > 0;
      },
    });
    await run();
    expect(steps().filter((step) => step === 'revoke')).toHaveLength(1);
    expect(left).toBe(-1);
  });

  it('and never ends the old credential is asked again by the next run', async () => {
    const { pass } = clock();
    let isRevoked = false;
    let mends = false;
    const { run, fields, names, steps } = await setUp({
      revoke: async () => {
        isRevoked = true;
      },
      works: async ({ fields: { id } }) => {
        if (isRevoked && !mends) pass(601 * SECOND);
        return id === 'key1' || !mends;
      },
    });
    expect(await rejection(run())).toMatchObject({
      code: 'ERR_PROVIDER',
      message: expect.stringContaining('still accepts the old credential'),
    });
    expect((await fields()).id).toBe('key1');
    expect(await names()).toEqual([INTENT.provider, 'own']);
    mends = true;
    await run();
    expect(steps().filter((step) => step === 'create')).toHaveLength(1);
    expect(await names()).toEqual(['own']);
  });
});

describe('the grace', () => {
  it('begins when the new credential is stored, and keeps the old one until its end', async () => {
    const { pass } = clock('Date');
    const { run, fields, alive, store, after } = await setUp();
    after.works = async () => pass(90 * SECOND); // takes none of it
    const rotating = run({ graceMs: 60 * SECOND });
    await inGrace(store);
    expect((await fields()).id).toBe('key1');
    pass(50 * SECOND);
    await sleep(200);
    expect([...alive]).toEqual(['key0', 'key1']);
    pass(10 * SECOND);
    await rotating;
    expect([...alive]).toEqual(['key1']);
  });

  it('of an interrupted rotation goes on where it was', async () => {
    const { pass } = clock('Date');
    const { run, steps, store } = await setUp();
    const abort = new AbortController();
    const call = run({ graceMs: 60 * SECOND, signal: abort.signal });
    await inGrace(store);
    abort.abort();
    expect(await rejection(call)).toMatchObject({ code: 'ERR_ABORTED' });
    expect(await rejection(run({ signal: AbortSignal.timeout(200) }))).toMatchObject({
      code: 'ERR_ABORTED',
    });
    expect(steps()).not.toContain('revoke');
    pass(60 * SECOND);
    await run();
    expect(steps().filter((step) => step === 'create')).toHaveLength(1);
    expect(steps()).toContain('revoke');
  });

  it('keeps the lease for as long as it takes', async () => {
    const { pass } = clock();
    const { run, store } = await setUp();
    const leaseOf = async () => (await store.get({ ...REF, provider: '$lease:rotate/own' }))?.data;
    const abort = new AbortController();
    const call = run({ graceMs: 1e9, signal: abort.signal });
    await inGrace(store);
    expect(await store.get(INTENT)).not.toHaveProperty('history');
    const before = await leaseOf();
    pass(16 * SECOND); // more than half of its time
    await vi.waitFor(async () => expect(await leaseOf()).not.toBe(before));
    abort.abort();
    await rejection(call);
    expect(await leaseOf()).toBeUndefined();
  });
});

describe('what somebody else stores during a rotation stays', () => {
  const theirs = { id: 'theirs', secret: 'x' };

  it('when it comes before the new credential is made', async () => {
    const { run, other, store, fields, names, steps, vault } = await setUp({
      discard: async () => {},
    });
    const dying = crashStore(store, { at: 6, when: 'after' }, () => {
      throw new Error('The process has died.');
    });
    await rejection(run({}, other(dying)));
    expect(await names()).toContain(INTENT.provider);
    await store.delete({ ...REF, provider: '$lease:rotate/own' });
    await vault.put('acme', 'own', theirs);
    expect(await rejection(run())).toMatchObject({ code: 'ERR_CONFLICT' });
    expect(await fields()).toEqual(theirs);
    expect(await names()).toEqual(['own']);
    expect(steps()).not.toContain('create');
  });

  it.each<[string, Step]>([
    ['while it is made', 'create'],
    ['while it is proved', 'works'],
  ])('when it comes %s, and what was made goes', async (_when, step) => {
    const { run, vault, fields, names, steps, contexts, alive, after } = await setUp();
    after[step] = () => vault.put('acme', 'own', theirs);
    expect(await rejection(run())).toMatchObject({
      code: 'ERR_CONFLICT',
      message: expect.stringContaining('was given other credentials'),
    });
    expect(await fields()).toEqual(theirs);
    expect(await names()).toEqual(['own']);
    expect(contexts('discard').map((context) => context.fields)).toEqual([OLD]);
    expect([...alive]).toEqual(['key0']);
    expect(steps()).not.toContain('revoke');
  });

  it('and is merged where it is about another field', async () => {
    let patched = false;
    const { run, vault, fields, steps } = await setUp({
      works: async ({ fields: { id } }) => {
        if (!patched) await vault.patch('acme', 'own', { account: 'support' });
        patched = true;
        return id === 'key1';
      },
    });
    await run();
    expect(await fields()).toEqual({ id: 'key1', secret: 'secret1', account: 'support' });
    expect(steps().slice(0, 4)).toEqual(['replaces', 'create', 'works', 'works']);
  });

  it('also in the grace, where the new credential is not accepted any more', async () => {
    const { pass } = clock('Date');
    const { run, vault, store, fields, names, contexts, alive } = await setUp();
    const call = run({ graceMs: 60 * SECOND });
    await inGrace(store);
    alive.clear();
    alive.add('theirs');
    await vault.put('acme', 'own', theirs);
    pass(60 * SECOND);
    expect(await rejection(call)).toMatchObject({ code: 'ERR_CONFLICT' });
    // The credentials that made it may not remove it any more, nor may those that it made.
    const made = { ...OLD, id: 'key1', secret: 'secret1', note: 'since key1' };
    expect(contexts('discard').map((context) => context.fields)).toEqual([OLD, made, theirs]);
    expect(await fields()).toEqual(theirs);
    expect(await names()).toEqual(['own']);
  });

  it('and what was made is removed later where the provider fails', async () => {
    const { pass } = clock('Date');
    let status = 500;
    const { run, vault, store, names, contexts } = await setUp({
      discard: async () => {
        if (status > 0) throw refusal(status);
      },
    });
    const call = run({ graceMs: 60 * SECOND });
    await inGrace(store);
    await vault.put('acme', 'own', theirs);
    pass(60 * SECOND);
    expect(await rejection(call)).toMatchObject({ code: 'ERR_PROVIDER', status: 500 });
    expect(contexts('discard')).toHaveLength(1);
    expect(await names()).toEqual([INTENT.provider, 'own']);
    status = 403; // for all
    expect(await rejection(run())).toMatchObject({ code: 'ERR_PROVIDER', status: 403 });
    expect(contexts('discard')).toHaveLength(4);
    expect(await names()).toEqual([INTENT.provider, 'own']);
    status = 0;
    expect(await rejection(run())).toMatchObject({ code: 'ERR_CONFLICT' });
    expect(await names()).toEqual(['own']);
  });
});

describe('credentials that are deleted during a rotation', () => {
  it.each([
    ['the provider takes the old ones', 'key0'],
    ['the provider takes none any more', ''],
  ])('stay deleted, and what was made goes: %s', async (_what, left) => {
    const { pass } = clock('Date');
    const { run, vault, store, names, alive } = await setUp();
    const call = run({ graceMs: 60 * SECOND });
    await inGrace(store);
    await vault.delete('acme', 'own');
    pass(60 * SECOND);
    if (left === '') alive.clear();
    expect(await rejection(call)).toMatchObject({ code: 'ERR_SECRET_NOT_FOUND' });
    expect([...alive]).toEqual(left === '' ? [] : [left]);
    expect(await names()).toEqual([]);
  });

  it('are reported as missing where there were none', async () => {
    const { run, vault, steps } = await setUp();
    await vault.delete('acme', 'own');
    expect(await rejection(run())).toMatchObject({ code: 'ERR_SECRET_NOT_FOUND' });
    expect(steps()).toEqual([]);
  });
});

describe('a rotation', () => {
  const definitionIn = async (vault: SecretsVault) => {
    const definition = coreOf(vault).registry.find('own');
    if (definition?.rotate === undefined) throw new Error('The definition has no rotation.');
    return { definition, rotation: definition.rotate };
  };

  it('is not begun where the record was written since it was asked for', async () => {
    const { vault, steps } = await setUp();
    const { updatedAt } = (await vault.require('acme', 'own')).meta;
    const written = updatedAt?.getTime() ?? 0;
    const run = { ...(await definitionIn(vault)), graceMs: 0, options: {} };
    const replaced = (writtenBefore: number) =>
      rotate(coreOf(vault), REF, { ...run, writtenBefore });
    expect(await replaced(written - 1)).toEqual([]);
    expect(steps()).toEqual([]);
    expect(await replaced(written)).toEqual(['id', 'secret']);
  });

  it('ends where another process has taken it over', async () => {
    const { run, store, vault, steps, names, after } = await setUp();
    // This process was stopped for longer than its lease.
    after.create = async () => {
      await store.delete({ ...REF, provider: '$lease:rotate/own' });
      await new Promise<void>((resolve) => {
        const lease = { tenantId: 'acme', name: 'rotate/own', leaseMs: 60_000, waitMs: 0 };
        void withLease(coreOf(vault), lease, () => {
          resolve();
          return new Promise(() => {});
        });
      });
    };
    expect(await rejection(run())).toMatchObject({ code: 'ERR_LEASE_TIMEOUT' });
    expect(steps()).toEqual(['replaces', 'create', 'works']);
    expect(await names()).toEqual(['$lease:rotate/own', INTENT.provider, 'own']);
  });

  it('ends where another process has written down how far it is', async () => {
    const { run, store, vault, steps, after } = await setUp();
    after.create = () => store.delete(INTENT);
    expect(await rejection(run())).toMatchObject({
      code: 'ERR_LEASE_TIMEOUT',
      message: expect.stringContaining('goes on with the rotation'),
    });
    expect(steps()).toEqual(['replaces', 'create']);
    expect((await vault.require('acme', 'own')).id).toBe('key0');
  });

  it('does nothing more once it is aborted', async () => {
    const abort = new AbortController();
    const { run, steps, names, after } = await setUp();
    after.create = async () => abort.abort();
    const error = await rejection(run({ signal: abort.signal }));
    expect(error).toMatchObject({ code: 'ERR_ABORTED', name: 'AbortError' });
    expect(steps()).not.toContain('revoke');
    await vi.waitFor(async () => expect(await names()).toEqual([INTENT.provider, 'own']));
  });

  it('ends with its call while the store hangs', async () => {
    const { run, store } = await setUp();
    const abort = new AbortController();
    store.get = () => {
      setImmediate(() => abort.abort());
      return new Promise(() => {});
    };
    const call = run({ signal: abort.signal });
    expect(await rejection(call)).toMatchObject({ code: 'ERR_ABORTED', name: 'AbortError' });
  });

  it('gives the lease back when it is aborted in the grace', async () => {
    const { run, store, names } = await setUp();
    const abort = new AbortController();
    const call = run({ graceMs: 1e9, signal: abort.signal });
    await inGrace(store);
    abort.abort();
    expect(await rejection(call)).toMatchObject({ code: 'ERR_ABORTED' });
    expect(await names()).toEqual([INTENT.provider, 'own']);
  });

  // After the credential is made: the intent, the lease, the record, the intent.
  it.each([3, 4])('ends with the error of a store that fails at write %i', async (nth) => {
    const memory = new MemorySecretStore();
    const faulty = new FaultyStore(memory);
    const { run, other, alive, store, after, steps } = await setUp();
    for (const record of await store.list('acme')) await memory.put(record, null);
    const broken = other(faulty.store);
    after.create = async () => faulty.fail('put', 'before', nth);
    expect(await rejection(run({}, broken))).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    expect([...alive]).toEqual(['key0', 'key1']);
    await run({}, broken);
    expect(steps().filter((step) => step === 'create')).toHaveLength(1);
    expect([...alive]).toEqual([(await broken.require('acme', 'own')).id]);
  });
});

describe('rotateDue', () => {
  it('goes on after a definition that throws, and shows nothing of its error', async () => {
    const { vault, run } = await setUp({
      create: async ({ fields: { account } }) => {
        if (account === 'sales') throw new TypeError('fetch of https://x.test/?token=t0 failed');
        return { id: 'key0', secret: 'anew' };
      },
      works: async ({ fields: { secret } }) => secret === 'anew',
    });
    await vault.put('beta', 'own', { ...OLD, account: 'other' });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + SECOND });
    expect(await rotateDue(vault, { olderThanMs: 0, graceMs: 0, batchSize: 1 })).toMatchObject({
      rotated: 1,
      failed: [{ ...REF, reason: 'ERR_PROVIDER' }],
    });
    const error = await rejection(run());
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('token=');
  });
});
