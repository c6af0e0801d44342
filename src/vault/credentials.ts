import { inspect } from 'node:util';
import type { FieldMap, FieldNameOf, FieldsOf, ProviderRef } from '../providers/fields.ts';
import { REDACTED } from '../providers/mask.ts';
import type { SecretInfo } from '../record.ts';

/**
 * A bundle of credentials that cannot be printed by accident.
 *
 * Reading a field returns its value, and so does destructuring. `JSON.stringify`, `util.inspect`,
 * `console.log`, `console.table`, template strings, spreading and `structuredClone` see the field
 * names and `[redacted]`: the fields are not enumerable. `reveal()` returns a plain copy.
 *
 * A field whose name is a member of this object (`reveal`, `meta`, `toJSON`, `toString`, …) is
 * read by `reveal()` only.
 *
 * @public
 */
export type Credentials<P extends ProviderRef = string> = FieldsOf<P> & CredentialsMembers<P>;

/**
 * All credentials of a tenant by flat key: as {@link Credentials}, with one `meta` per record.
 *
 * @public
 */
export type AllCredentials = FieldsOf<string> & CredentialsMembers<string, readonly SecretInfo[]>;

/**
 * The members of {@link Credentials} beside its fields.
 *
 * @public
 */
export interface CredentialsMembers<P extends ProviderRef = string, M = SecretInfo> {
  /** Revision, etag, key id and times of the record. */
  readonly meta: M;
  /** A plain copy of all fields, in the clear. */
  reveal(): { [F in FieldNameOf<P>]?: string };
  /** Field names and `[redacted]`. */
  toJSON(): { [F in FieldNameOf<P>]?: string };
  /** Field names and `[redacted]`. */
  toString(): string;
}

// The only enumerable own property: code that copies an object property by property (a spread, a log
// library's merge, structuredClone, console.table) gets the names and no value. No field can have
// this name [R3].
const NAMES = REDACTED;

class RedactedBundle {
  constructor(fields: FieldMap, meta: object) {
    const names = Object.freeze(Object.keys(fields));
    const hidden: PropertyDescriptorMap = {
      meta: { value: Object.freeze(meta) },
      // An own function, as a method could not read a private member through a Proxy.
      reveal: { value: () => ({ ...fields }) },
      [NAMES]: { value: names, enumerable: true },
    };
    for (const field of names) {
      // Getters, so that an inspection with showHidden shows [Getter]. A field must not replace
      // a member that keeps the others from being printed.
      if (!(field in this || field in hidden)) hidden[field] = { get: () => fields[field] };
    }
    Object.defineProperties(this, hidden);
    Object.freeze(this);
  }

  toJSON(): Record<string, string> {
    const names = (this as unknown as { [NAMES]: readonly string[] })[NAMES];
    return Object.fromEntries(names.map((field) => [field, REDACTED]));
  }

  toString(): string {
    return `Credentials ${JSON.stringify(this.toJSON())}`;
  }

  [inspect.custom](_depth: number, options: object, inspectValue = inspect): string {
    return `Credentials ${inspectValue(this.toJSON(), options)}`;
  }
}

Object.defineProperty(RedactedBundle, 'name', { value: 'Credentials' });

/** @internal */
export function redactedCredentials<P extends ProviderRef>(
  fields: FieldMap,
  meta: SecretInfo,
): Credentials<P> {
  return new RedactedBundle(fields, meta) as unknown as Credentials<P>;
}

/** @internal */
export function redactedBundle(fields: FieldMap, meta: readonly SecretInfo[]): AllCredentials {
  return new RedactedBundle(fields, meta) as unknown as AllCredentials;
}
