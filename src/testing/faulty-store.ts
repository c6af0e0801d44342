import { VaultError } from '../errors.ts';
import type { SecretStore } from '../stores/secret-store.ts';

/**
 * What a {@link FaultyStore} does to a call.
 *
 * - `before`: the call fails, and nothing is done
 * - `after`: it is done, but its answer is lost; to the caller it failed
 * - `{ delayMs }`: it is done, late
 *
 * @public
 */
export type StoreFault = 'before' | 'after' | { readonly delayMs: number };

/**
 * The methods of a store that can be made to fail.
 *
 * @public
 */
export type FaultyMethod =
  | 'get'
  | 'getMany'
  | 'list'
  | 'put'
  | 'putMany'
  | 'supersede'
  | 'delete'
  | 'count'
  | 'init';

/**
 * A store that fails when it is told to, around one that works: for tests of what your application
 * does then.
 *
 * @example
 * ```ts
 * const faulty = new FaultyStore(new MemorySecretStore());
 * const vault = new SecretsVault({ store: faulty.store, keys });
 * faulty.fail('put', 'after'); // the next put is done, and says that it failed
 * ```
 * @public
 */
export class FaultyStore {
  /** The store to use. */
  readonly store: SecretStore;
  /** The calls so far, by name, in order. */
  readonly calls: string[] = [];
  readonly #faults: { method: string; fault: StoreFault; skip: number }[] = [];

  /**
   * @param inner - does the work
   */
  constructor(inner: SecretStore) {
    this.store = new Proxy(inner, {
      get: (target, name) => {
        const member = target[name as keyof SecretStore] as unknown;
        if (typeof member !== 'function') return member;
        const call = member.bind(target) as (...args: unknown[]) => unknown;
        if (name === 'scan' || name === 'watch') return call;
        return (...args: unknown[]) => this.#run(String(name), () => call(...args));
      },
    });
  }

  /**
   * Plans a fault of a method.
   *
   * @param nth - of its calls from now on, counted from 1. Default: the next
   */
  fail(method: FaultyMethod, fault: StoreFault, nth = 1): void {
    this.#faults.push({ method, fault, skip: nth - 1 });
  }

  async #run(method: string, call: () => unknown): Promise<unknown> {
    this.calls.push(method);
    const fault = this.#next(method);
    if (fault === 'before') throw unavailable(method);
    if (typeof fault === 'object') await new Promise((done) => setTimeout(done, fault.delayMs));
    const result = await call();
    if (fault === 'after') throw unavailable(method);
    return result;
  }

  #next(method: string): StoreFault | undefined {
    let due: StoreFault | undefined;
    for (const planned of [...this.#faults]) {
      if (planned.method !== method) continue;
      if (planned.skip-- > 0) continue;
      this.#faults.splice(this.#faults.indexOf(planned), 1);
      due ??= planned.fault;
    }
    return due;
  }
}

function unavailable(method: string): VaultError {
  return new VaultError('ERR_STORE_UNAVAILABLE', `A planned failure of "${method}".`);
}
