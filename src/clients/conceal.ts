import { inspect } from 'node:util';

/**
 * Keeps a member that holds a credential from being printed: it can be read and written as before,
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
    enumerable: false, // it was, and stays so unless it is said
    configurable: true,
  });
}

/**
 * Makes `target` print as its name and `shown()`, in JSON as `shown()`.
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
