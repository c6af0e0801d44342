import { VaultError } from '../errors.ts';
import type { SecretRecord } from '../record.ts';
import type { ScanQuery, SecretStore } from '../stores/secret-store.ts';

/**
 * How a {@link FaultyStore} disturbs a call.
 *
 * - `before`: the call fails, and nothing is done
 * - `after`: the call is done, but its answer is lost: to the caller it failed
 * - `{ delayMs }`: the call is done late, after so many milliseconds
 *
 * @public
 */
export type StoreFault = 'before' | 'after' | { readonly delayMs: number };

/**
 * The methods of a store that can be made to fail. Each batch asked of a `scan` counts as a call.
 *
 * @public
 */
export type FaultyMethod =
  | 'get'
  | 'getMany'
  | 'list'
  | 'put'
  | 'putMany'
  | 'delete'
  | 'scan'
  | 'find'
  | 'count'
  | 'split'
  | 'watch'
  | 'init';

/**
 * A store that fails on command, around one that works: for tests of how your application reacts.
 *
 * @example
 * ```ts
 * const faulty = new FaultyStore(new MemorySecretStore());
 * const vault = new SecretsVault({ store: faulty.store, keys });
 * faulty.fail('put', 'after'); // the next put is done, and reports a failure
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
   * @param inner - the store that works
   */
  constructor(inner: SecretStore) {
    this.store = new Proxy(inner, {
      get: (target, name) => {
        const member = target[name as keyof SecretStore] as unknown;
        if (typeof member !== 'function') return member;
        const call = member.bind(target) as (...args: unknown[]) => unknown;
        if (name === 'scan') return (query: ScanQuery) => this.#scan(target.scan(query));
        return (...args: unknown[]) => this.#run(String(name), () => call(...args));
      },
    });
  }

  /**
   * Plans a fault of a method.
   *
   * @param nth - which of its calls from now on, counted from 1. Default: the next
   */
  fail(method: FaultyMethod, fault: StoreFault, nth = 1): void {
    this.#faults.push({ method, fault, skip: nth - 1 });
  }

  async *#scan(batches: AsyncIterable<SecretRecord[]>): AsyncIterable<SecretRecord[]> {
    const iterator = batches[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#run('scan', () => iterator.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }

  async #run<T>(method: string, call: () => T): Promise<Awaited<T>> {
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
