import { inspect } from 'node:util';
import type { FieldMap, FieldNameOf, FieldsOf, ProviderRef } from '../providers/fields.ts';
import { REDACTED } from '../providers/mask.ts';
import { type RecordView, recordInfo, type SecretInfo } from '../record.ts';

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
// An own function that closes over the content, which no inspection opens. A private member would
// do, but a method could not read it through a Proxy.
const CONTENT = Symbol('content');

interface Bundle {
  readonly [NAMES]: readonly string[];
  [CONTENT](): { readonly fields: FieldMap; readonly meta: () => object };
}

class RedactedBundle {
  get meta(): object {
    return (this as unknown as Bundle)[CONTENT]().meta();
  }

  reveal(): FieldMap {
    return { ...(this as unknown as Bundle)[CONTENT]().fields };
  }

  toJSON(): Record<string, string> {
    const names = (this as unknown as Bundle)[NAMES];
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

interface Shape {
  readonly names: readonly string[];
  readonly prototype: object;
}

// Bundles with the same fields share a prototype, which has the getters of the fields: to define them
// on each bundle takes longer than to open its record.
const shapes = new Map<string, Shape>();
const MAX_SHAPES = 1_000;

function shapeOf(names: readonly string[]): Shape {
  const key = names.join();
  let shape = shapes.get(key);
  if (shape === undefined) {
    const getters: PropertyDescriptorMap = {};
    for (const field of names) {
      // A field must not replace a member that keeps the others from being printed.
      if (field in RedactedBundle.prototype) continue;
      getters[field] = {
        get(this: Bundle) {
          return this[CONTENT]().fields[field];
        },
      };
    }
    const prototype = Object.freeze(Object.create(RedactedBundle.prototype, getters));
    shape = { names: Object.freeze(names), prototype };
    if (shapes.size >= MAX_SHAPES) shapes.clear(); // callers choose the names of fields
    shapes.set(key, shape);
  }
  return shape;
}

function bundle(fields: FieldMap, makeMeta: () => object): object {
  const { names, prototype } = shapeOf(Object.keys(fields));
  let known: object | undefined;
  const meta = () => (known ??= Object.freeze(makeMeta()));
  const redacted = Object.create(prototype);
  redacted[NAMES] = names;
  Object.defineProperty(redacted, CONTENT, { value: () => ({ fields, meta }) });
  return Object.freeze(redacted);
}

/** @internal */
export function redactedCredentials<P extends ProviderRef>(
  fields: FieldMap,
  view: RecordView,
): Credentials<P> {
  return bundle(fields, () => recordInfo(view)) as Credentials<P>;
}

/** @internal */
export function redactedBundle(fields: FieldMap, views: readonly RecordView[]): AllCredentials {
  return bundle(fields, () => views.map(recordInfo)) as AllCredentials;
}
