import { invalidArgument } from '../errors.ts';

/**
 * One way to connect a provider: the fields that a settings page asks for when a user chooses it.
 *
 * @public
 */
export interface ProviderMethod<F extends string = string> {
  /** For code and tests: `api-key`. Letters, digits, `-` and `_`. */
  readonly id: string;
  /** For the user who chooses: `API key`. */
  readonly label: string;
  /** What it needs, in the order of the page, and what else belongs to it. */
  readonly fields: readonly F[];
  /** Whether a page preselects it. */
  readonly recommended?: boolean;
}

/**
 * What a set of fields makes possible: a name, and the fields that it needs beside a complete set of
 * credentials. `{ sms: ['phoneNumber'] }`.
 *
 * @public
 */
export type ProviderCapabilities<F extends string = string> = Readonly<
  Record<string, readonly F[]>
>;

type Fields = Readonly<Record<string, { readonly label: string }>>;

const IDENTIFIER = /^[A-Za-z][\w-]{0,63}$/;

/**
 * The methods of a definition, frozen; without any, one for each complete set.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function checkedMethods<F extends string>(
  provider: string,
  methods: readonly ProviderMethod<F>[] | undefined,
  fields: Fields,
  complete: readonly (readonly F[])[],
): readonly ProviderMethod<F>[] {
  const wanted = methods ?? complete.map((set, index) => methodOfSet(set, index, fields));
  if (!Array.isArray(wanted) || wanted.length === 0) {
    throw invalidArgument(`Provider "${provider}": "methods" must hold at least one method.`);
  }
  const ids = new Set(wanted.map((method) => method?.id));
  for (const method of wanted) {
    if (!isIdentifier(method?.id) || typeof method.label !== 'string') {
      throw invalidArgument(
        `Provider "${provider}": a method needs an id of letters, digits, "-" and "_", and a label.`,
      );
    }
    assertFields(provider, `method "${method.id}"`, method.fields, fields);
    if (method.fields.length === 0) {
      throw invalidArgument(`Provider "${provider}": method "${method.id}" has no fields.`);
    }
  }
  if (ids.size < wanted.length) {
    throw invalidArgument(`Provider "${provider}": two methods have the same id.`);
  }
  return Object.freeze(
    wanted.map((method) => Object.freeze({ ...method, fields: Object.freeze([...method.fields]) })),
  );
}

/**
 * The capabilities of a definition, frozen.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function checkedCapabilities<F extends string>(
  provider: string,
  capabilities: ProviderCapabilities<F> | undefined,
  fields: Fields,
): ProviderCapabilities<F> {
  const entries = Object.entries<readonly F[]>(capabilities ?? {}).map(([name, needed]) => {
    if (!isIdentifier(name)) {
      throw invalidArgument(
        `Provider "${provider}": a capability is named by letters, digits, "-" and "_".`,
      );
    }
    assertFields(provider, `capability "${name}"`, needed, fields);
    return [name, Object.freeze([...needed])];
  });
  return Object.freeze(Object.fromEntries(entries));
}

function methodOfSet<F extends string>(
  set: readonly F[],
  index: number,
  fields: Fields,
): ProviderMethod<F> {
  const label = set.map((field) => fields[field]?.label ?? field).join(', ');
  return { id: `method-${index + 1}`, label, fields: set, recommended: index === 0 };
}

function isIdentifier(text: unknown): boolean {
  return typeof text === 'string' && IDENTIFIER.test(text) && !(text in Object.prototype);
}

function assertFields(provider: string, what: string, names: unknown, fields: Fields): void {
  const known = (name: unknown) => typeof name === 'string' && Object.hasOwn(fields, name);
  if (Array.isArray(names) && names.every(known)) return;
  throw invalidArgument(`Provider "${provider}": ${what} must name fields of the provider.`);
}
