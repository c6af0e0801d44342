import { inspect } from 'node:util';
import type { FieldMap, FieldNameOf, FieldsOf, ProviderRef } from '../providers/fields.ts';
import { REDACTED } from '../providers/mask.ts';
import type { SecretInfo } from '../record/record.ts';

/**
 * A bundle of credentials that cannot be printed by accident.
 *
 * Reading a field gives its value, and so does destructuring. `JSON.stringify`, `util.inspect`,
 * `console.log`, `console.table`, template strings, spreading and `structuredClone` see the field
 * names and `[redacted]`: the fields are not enumerable. `reveal()` gives a plain
 * copy.
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
  /** Revision, key id, times: what is known of the record. */
  readonly meta: M;
  /** A plain copy of all fields, in the clear. */
  reveal(): { [F in FieldNameOf<P>]?: string };
  /** Field names and `[redacted]`. */
  toJSON(): { [F in FieldNameOf<P>]?: string };
  /** Field names and `[redacted]`. */
  toString(): string;
}

// The only enumerable own property: what copies an object property by property (a spread, a log
// library's merge, structuredClone, console.table) gets the names and no value. No field can be
// called so [R3].
const NAMES = REDACTED;

class RedactedBundle {
  readonly #fields: FieldMap;

  constructor(fields: FieldMap, meta: object) {
    this.#fields = fields;
    Object.defineProperty(this, 'meta', { value: Object.freeze(meta) });
    for (const field of Object.keys(fields)) {
      // Getters, so that an inspection with showHidden shows [Getter]. A field must not replace
      // what keeps the others from being printed.
      if (!(field in this)) Object.defineProperty(this, field, { get: () => fields[field] });
    }
    Object.defineProperty(this, NAMES, {
      value: Object.freeze(Object.keys(fields)),
      enumerable: true,
    });
    Object.freeze(this);
  }

  reveal(): Record<string, string> {
    return { ...this.#fields };
  }

  toJSON(): Record<string, string> {
    return Object.fromEntries(Object.keys(this.#fields).map((field) => [field, REDACTED]));
  }

  toString(): string {
    return `Credentials ${JSON.stringify(this)}`;
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
