import { inspect } from 'node:util';
import { invalidArgument } from '../errors.ts';

/**
 * Keeps a member that holds a credential from being printed: code can read and write it as before,
 * but JSON, inspect (with `showHidden` too), spreading and copying do not see its value.
 *
 * @internal
 */
export function conceal(target: object, name: string): void {
  let value: unknown = Reflect.get(target, name);
  Object.defineProperty(target, name, {
    get: () => value,
    set: (next) => {
      value = next;
    },
    enumerable: false, // redefining a member keeps it enumerable otherwise
    configurable: true,
  });
}

/**
 * Makes the settings of a client read-only: all callers with the same options share it, and one
 * caller's change would reach the requests of the others. An SDK may still add members, as it loads
 * its parts.
 *
 * @param hidden - members that hold a credential, and are not printed
 * @param advice - what the caller can do instead
 * @internal
 */
export function lock(
  target: object,
  { hidden = [], advice }: { readonly hidden?: readonly string[]; readonly advice: string },
): void {
  const refuse = (name: string) => {
    throw invalidArgument(`"${name}" would change a client that other callers share. ${advice}`);
  };
  for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(target))) {
    if (!('value' in member)) continue; // an accessor decides for itself
    const enumerable = typeof member.value !== 'function' && !hidden.includes(name);
    const set = () => refuse(name);
    Object.defineProperty(target, name, { get: () => member.value, set, enumerable });
  }
  for (const name of inheritedSetters(target)) {
    Object.defineProperty(target, name, { value: () => refuse(name) });
  }
}

/** The methods of a class that change its instances, as far as their names tell. */
function inheritedSetters(target: object): string[] {
  const prototype: object | null = Object.getPrototypeOf(target);
  if (prototype === null || prototype === Object.prototype) return [];
  const names = Object.getOwnPropertyNames(prototype);
  const setters = names.filter((name) => /^(set|invalidate)[A-Z]/.test(name));
  return [...setters, ...inheritedSetters(prototype)];
}

/**
 * Makes `target` print as its name and `shown()`, and in JSON as `shown()`.
 *
 * @internal
 */
export function printAs(target: object, name: string, shown: () => object): void {
  Object.defineProperties(target, {
    toJSON: { value: shown, configurable: true },
    [inspect.custom]: {
      value: (_depth: number, options: object) => `${name} ${inspect(shown(), options)}`,
      configurable: true,
    },
  });
}
