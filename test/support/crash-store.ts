import type { SecretStore } from 'provider-vault';

/** When a process dies: before or after its nth call of the store. */
export interface Crash {
  readonly at: number;
  readonly when: 'before' | 'after';
}

/**
 * A store whose process dies at one of its calls: `die` ends it, or throws, and no later call is done.
 */
export function crashStore(inner: SecretStore, { at, when }: Crash, die: () => never): SecretStore {
  let calls = 0;
  return new Proxy(inner, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        calls++;
        if (calls > at || (calls === at && when === 'before')) die();
        const result: unknown = await member.apply(target, args);
        if (calls === at) die();
        return result;
      };
    },
  });
}
