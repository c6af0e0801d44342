import fc from 'fast-check';
import { isVaultError, Keyring, MemorySecretStore, SecretsVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { newKey } from '../support/fixtures.ts';

// A vault is a map from tenant to fields, each with a revision: this is all a caller may see.
type Model = Map<string, { rev: number; fields: Record<string, string> }>;
interface Real {
  readonly vaults: readonly SecretsVault[];
}
type Command = fc.AsyncCommand<Model, Real>;

const keys = new Keyring({ encryptionKey: newKey() });
const tenants = fc.constantFrom('a', 'b', 'a/b');
const fields = fc.dictionary(fc.constantFrom('f', 'g', 'h'), fc.string(), { maxKeys: 3 });
const which = fc.nat({ max: 1 });

/** A command that any of the two vaults on one store may run. */
class Operation implements Command {
  readonly #name: string;
  readonly #run: (model: Model, vault: SecretsVault) => Promise<void>;
  readonly #which: number;

  constructor(name: string, at: number, run: (model: Model, vault: SecretsVault) => Promise<void>) {
    this.#name = name;
    this.#which = at;
    this.#run = run;
  }

  check() {
    return true;
  }

  run(model: Model, { vaults }: Real) {
    return this.#run(model, vaults[this.#which] as SecretsVault);
  }

  toString() {
    return this.#name;
  }
}

function next(model: Model, tenant: string, content: Record<string, string>) {
  model.set(tenant, { rev: (model.get(tenant)?.rev ?? 0) + 1, fields: content });
}

const commands = [
  fc.tuple(which, tenants, fields).map(
    ([at, tenant, content]) =>
      new Operation(`put ${tenant}`, at, async (model, vault) => {
        const { rev } = await vault.put(tenant, 'custom', content);
        next(model, tenant, { ...content });
        expect(rev).toBe(model.get(tenant)?.rev);
      }),
  ),
  fc.tuple(which, tenants, fields, fc.nat({ max: 4 })).map(
    ([at, tenant, content, expectedRev]) =>
      new Operation(`put ${tenant} at ${expectedRev}`, at, async (model, vault) => {
        const known = (model.get(tenant)?.rev ?? 0) === expectedRev;
        const error = await vault.put(tenant, 'custom', content, { expectedRev }).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(isVaultError(error, 'ERR_CONFLICT')).toBe(!known);
        if (known) next(model, tenant, { ...content });
      }),
  ),
  fc.tuple(which, tenants, fields, fc.constantFrom('f', 'g', 'h')).map(
    ([at, tenant, content, removed]) =>
      new Operation(`patch ${tenant}`, at, async (model, vault) => {
        await vault.patch(tenant, 'custom', { ...content, [removed]: null });
        const merged = { ...model.get(tenant)?.fields, ...content };
        delete merged[removed];
        next(model, tenant, merged);
      }),
  ),
  fc.tuple(which, tenants).map(
    ([at, tenant]) =>
      new Operation(`delete ${tenant}`, at, async (model, vault) => {
        expect(await vault.delete(tenant, 'custom')).toBe(model.delete(tenant));
      }),
  ),
  fc.tuple(which, tenants).map(
    ([at, tenant]) =>
      new Operation(`read ${tenant}`, at, async (model, vault) => {
        const expected = model.get(tenant);
        const found = await vault.get(tenant, 'custom');
        expect(found?.reveal()).toEqual(expected?.fields);
        expect(found?.meta.rev).toBe(expected?.rev);
        expect((await vault.list(tenant)).map(({ rev }) => rev)).toEqual(
          expected ? [expected.rev] : [],
        );
      }),
  ),
];

function setup(cache: boolean) {
  const store = new MemorySecretStore();
  const options = { store, keys, ...(cache && { cache: { ttlMs: 60_000, max: 2 } }) };
  const real: Real = { vaults: [new SecretsVault(options), new SecretsVault({ store, keys })] };
  return { model: new Map() as Model, real };
}

describe('the vault against a plain map', () => {
  it.each([false, true])('operations one after the other, cache: %s', async (cache) => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 30 }), (operations) =>
        fc.asyncModelRun(() => setup(cache), operations),
      ),
      { numRuns: 60 },
    );
  });

  it('patches in any interleaving lose nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 5 }), async (scheduler, count) => {
        const inner = new MemorySecretStore();
        // Each call of the store ends when the scheduler says so.
        const store = Object.assign(new MemorySecretStore(), {
          get: scheduler.scheduleFunction((ref: Parameters<typeof inner.get>[0]) => inner.get(ref)),
          put: scheduler.scheduleFunction((...args: Parameters<typeof inner.put>) =>
            inner.put(...args),
          ),
        });
        const vault = new SecretsVault({ store, keys });
        const writers = Array.from({ length: count }, (_, n) =>
          vault.patch('a', 'custom', { [`f${n}`]: `${n}` }),
        );
        await scheduler.waitFor(Promise.all(writers));
        const plain = new SecretsVault({ store: inner, keys });
        const found = await plain.require('a', 'custom');
        expect(Object.keys(found.reveal())).toHaveLength(count);
        expect(found.meta.rev).toBe(count);
      }),
      { numRuns: 20 },
    );
  });
});
