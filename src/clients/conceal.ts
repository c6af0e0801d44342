import { inspect } from 'node:util';

/**
 * Keeps what an SDK's object holds out of `util.inspect` and `JSON.stringify`: it shows `shown`
 * instead. Members named in `hidden` are not enumerable any more.
 *
 * @internal
 */
export function conceal(
  target: object,
  name: string,
  shown: Readonly<Record<string, unknown>>,
  hidden: readonly string[],
): void {
  Object.defineProperty(target, inspect.custom, { value: () => `${name} ${inspect(shown)}` });
  Object.defineProperty(target, 'toJSON', { value: () => shown });
  for (const member of hidden) {
    const value = (target as Record<string, unknown>)[member];
    Object.defineProperty(target, member, {
      value,
      enumerable: false,
      writable: true,
      configurable: true,
    });
  }
}
