import fc from 'fast-check';
import { Keyring, MemorySecretStore, SecretsVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { newKey } from '../support/fixtures.ts';

// The vault against plain maps: whatever is done in whatever order, by whichever of two vaults on
// one store, the maps say what must be read.

const KEEP = 3;
const keys = new Keyring({ encryptionKey: newKey() });

type Fields = Record<string, string>;
interface Version {
  rev: number;
  fields: Fields;
}
interface Entry extends Version {
  history: Version[];
}
type Model = Map<string, Entry>;
interface Real {
  vaults: SecretsVault[];
}

const tenant = fc.constantFrom('a', 'b', 'a/b', 'ä', '__tenant', 'default');
const provider = fc.constantFrom('custom', 'other', 'b/custom');
const field = fc.constantFrom('x', 'y', 'constructor', 'toString', 'meta');
const value = fc
  .oneof(fc.string(), fc.string({ unit: 'binary' }))
  .filter((v) => !v.includes('••••'));
const which = fc.nat(1);
const at = { vault: which, tenant, provider };
type At = { vault: number; tenant: string; provider: string };

const keyOf = ({ tenant, provider }: At) => JSON.stringify([tenant, provider]);

/** What a write of `fields` makes of the model. */
function written(model: Model, where: At, fields: Fields): void {
  const old = model.get(keyOf(where));
  const history = old ? [{ rev: old.rev, fields: old.fields }, ...old.history].slice(0, KEEP) : [];
  model.set(keyOf(where), { rev: (old?.rev ?? 0) + 1, fields, history });
}

function command(
  name: string,
  where: At & object,
  run: (model: Model, vault: SecretsVault) => Promise<void>,
): fc.AsyncCommand<Model, Real> {
  return {
    check: () => true,
    run: (model, { vaults }) => run(model, vaults[where.vault] as SecretsVault),
    toString: () => `${name} ${JSON.stringify(where)}`,
  };
}

const isSame = (a: Fields, b: Fields) =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
const code = (error: { code?: string }) => error.code;
const changes = fc.dictionary(field, fc.option(value), { maxKeys: 3 });
const bundle = fc.dictionary(field, value, { maxKeys: 3 });

const commands = [
  fc.record({ ...at, fields: bundle, rev: fc.option(fc.nat(4)) }).map((c) =>
    command('put', c, async (model, vault) => {
      const current = model.get(keyOf(c))?.rev ?? 0;
      const [stored] = await vault.status(c.tenant, c.provider).then(({ etag }) => [etag]);
      // 0: there must be no record; 1: the stored one; more: another one
      const ifMatch = [null, stored ?? null][c.rev ?? 0] ?? 'AAAAAAAAAAAAAAAA';
      const condition = c.rev === 0 ? null : ifMatch;
      const options = c.rev === null ? {} : { ifMatch: condition };
      const result = await vault.put(c.tenant, c.provider, c.fields, options).catch(code);
      if (c.rev !== null && condition !== stored) return expect(result).toBe('ERR_CONFLICT');
      written(model, c, { ...c.fields });
      expect(result).toMatchObject({ rev: current + 1 });
    }),
  ),
  fc.record({ ...at, changes }).map((c) =>
    command('patch', c, async (model, vault) => {
      const fields = { ...model.get(keyOf(c))?.fields };
      for (const [name, to] of Object.entries(c.changes)) {
        if (to === null) delete fields[name];
        else fields[name] = to;
      }
      if (!isSame(fields, model.get(keyOf(c))?.fields ?? {})) written(model, c, fields);
      const { rev } = await vault.patch(c.tenant, c.provider, c.changes);
      expect(rev).toBe(model.get(keyOf(c))?.rev ?? 0);
    }),
  ),
  fc.record({ ...at, form: changes }).map((c) =>
    command('applyForm', c, async (model, vault) => {
      const before = model.get(keyOf(c))?.fields ?? {};
      const fields = { ...before };
      for (const [name, to] of Object.entries(c.form)) {
        if (to === null) delete fields[name];
        else if (to.trim() !== '' && !(Object.hasOwn(before, name) && to === before[name])) {
          fields[name] = to.trim();
        }
      }
      const same =
        JSON.stringify(Object.entries(fields)) === JSON.stringify(Object.entries(before));
      fc.pre(!Object.values(c.form).some((to) => to?.includes('•')));
      const { rev } = await vault.applyForm(c.tenant, c.provider, c.form);
      if (!same) written(model, c, fields);
      expect(rev).toBe(model.get(keyOf(c))?.rev ?? 0);
    }),
  ),
  fc.record({ ...at, rev: fc.nat(6) }).map((c) =>
    command('rollback', c, async (model, vault) => {
      const version = model.get(keyOf(c))?.history.find(({ rev }) => rev === c.rev);
      const result = await vault.rollback(c.tenant, c.provider, c.rev).catch(code);
      if (version === undefined) return expect(result).toBe('ERR_SECRET_NOT_FOUND');
      written(model, c, version.fields);
      expect(result).toMatchObject({ rev: model.get(keyOf(c))?.rev });
    }),
  ),
  fc.record(at).map((c) =>
    command('delete', c, async (model, vault) => {
      expect(await vault.delete(c.tenant, c.provider)).toBe(model.delete(keyOf(c)));
    }),
  ),
  fc.record({ ...at, field }).map((c) =>
    command('deleteSecret', c, async (model, vault) => {
      const fields = { ...model.get(keyOf(c))?.fields };
      const had = Object.hasOwn(fields, c.field);
      delete fields[c.field];
      expect(await vault.deleteSecret(c.tenant, `${c.provider}.${c.field}`)).toBe(had);
      if (!had) return;
      written(model, c, fields);
      (model.get(keyOf(c)) as Entry).history = [];
    }),
  ),
  fc.record({ ...at, field }).map((c) =>
    command('read', c, async (model, vault) => {
      const entry = model.get(keyOf(c));
      const found = await vault.get(c.tenant, c.provider);
      expect(found?.reveal()).toEqual(entry?.fields);
      expect(found?.meta.rev).toBe(entry?.rev);
      expect(await vault.getSecret(c.tenant, `${c.provider}.${c.field}`)).toBe(
        entry && Object.hasOwn(entry.fields, c.field) ? entry.fields[c.field] : undefined,
      );
      const revs = (await vault.history(c.tenant, c.provider)).map(({ rev }) => rev);
      expect(revs).toEqual(entry?.history.map(({ rev }) => rev) ?? []);
      const status = await vault.status(c.tenant, c.provider);
      const set = Object.values(entry?.fields ?? {}).some((text) => text !== '');
      expect(status.state).toBe(set ? 'configured' : 'missing');
      expect((await vault.list(c.tenant)).map((info) => [info.provider, info.rev])).toEqual(
        [...model]
          .map(([key, { rev }]) => [...JSON.parse(key), rev] as [string, string, number])
          .filter(([of]) => of === c.tenant)
          .map(([, name, rev]) => [name, rev])
          .sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
      );
    }),
  ),
];

describe('two vaults on one store, against a Map', () => {
  it.each([
    ['without a cache', {}],
    ['with a cache', { cache: { ttlMs: 60_000, max: 4 } }],
  ])('%s', async (_name, options) => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 40 }), async (sequence) => {
        const store = new MemorySecretStore();
        const make = () => new SecretsVault({ store, keys, history: { keep: KEEP }, ...options });
        const setup = () => ({ model: new Map() as Model, real: { vaults: [make(), make()] } });
        await fc.asyncModelRun(setup, sequence);
      }),
      { numRuns: 150 },
    );
  });
});

describe('interleaved patches', () => {
  it('end as if one had been after the other', async () => {
    const patch = fc.dictionary(field, fc.option(value), { maxKeys: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(patch, { minLength: 2, maxLength: 4 }),
        async (scheduler, generated) => {
          // Each has a field of its own: a patch that changes nothing writes nothing.
          const patches = generated.map((changes, n) => ({ ...changes, [`own${n}`]: 'set' }));
          // Every call of the store waits for the scheduler, before it is done and after.
          const inner = new MemorySecretStore();
          const store = new Proxy(inner, {
            get: (target, name) => {
              const member = target[name as 'get'] as unknown;
              if (typeof member !== 'function') return member;
              return async (...args: unknown[]) => {
                await scheduler.schedule(Promise.resolve(), String(name));
                const result = await member.apply(target, args);
                await scheduler.schedule(Promise.resolve(), `${String(name)} done`);
                return result;
              };
            },
          });
          const order: number[] = [];
          const put = inner.put.bind(inner);
          inner.put = async (...args) => {
            const done = await put(...args);
            if (done) order.push(Number(args[0].metadata?.updatedBy));
            return done;
          };
          const vault = new SecretsVault({ store, keys });
          const writes = patches.map((c, n) => vault.patch('a', 'custom', c, { actor: `${n}` }));
          await scheduler.waitFor(Promise.all(writes));
          const expected: Fields = {};
          for (const n of order) {
            for (const [name, to] of Object.entries(patches[n] ?? {})) {
              if (to === null) delete expected[name];
              else expected[name] = to;
            }
          }
          expect(order).toHaveLength(patches.length);
          const reader = new SecretsVault({ store: inner, keys });
          expect((await reader.require('a', 'custom')).reveal()).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });
});
