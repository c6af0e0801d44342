import { invalidArgument } from '../errors.ts';
import { assertFieldName, describeType } from '../names.ts';
import type { BuiltInProviders } from './built-in.ts';
import type { FieldDefinition, ProviderDefinition } from './define-provider.ts';
import { holdsPlaceholder } from './mask.ts';

/**
 * A provider as callers name it: by name, or by its definition, which types the fields. Editors
 * complete the built-in names.
 *
 * @public
 */
export type ProviderRef =
  | (keyof BuiltInProviders & string)
  | (string & Record<never, never>)
  | ProviderDefinition;

/**
 * The field names of a provider: the names in its definition, or any name without one.
 *
 * @public
 */
export type FieldNameOf<P extends ProviderRef> = P extends ProviderDefinition
  ? keyof P['fields'] & string
  : P extends keyof BuiltInProviders
    ? BuiltInProviders[P] extends { readonly fields: infer Fields }
      ? keyof Fields & string
      : never
    : string;

/**
 * The credentials of a provider as they are written: field name → value.
 *
 * @public
 */
export type FieldsOf<P extends ProviderRef> = { readonly [F in FieldNameOf<P>]?: string };

/**
 * Changes to credentials: a string sets, `null` removes, and an absent field stays.
 *
 * @public
 */
export type ChangesOf<P extends ProviderRef> = {
  readonly [F in FieldNameOf<P>]?: string | null | undefined;
};

/** Field name → value; it inherits nothing that a name could collide with. @internal */
export type FieldMap = Record<string, string>;

// A record must stay far below the 16 MiB of a MongoDB document, its history included.
/** The most bytes that a value may have. @internal */
export const MAX_VALUE_BYTES = 64 * 1024;
/** The most bytes that the values of one record may have. @internal */
export const MAX_BUNDLE_BYTES = 256 * 1024;

// What a class makes has a layout that the engine knows; Object.create(null) makes a hash table.
class Fields {}
Reflect.deleteProperty(Fields.prototype, 'constructor');
Object.setPrototypeOf(Fields.prototype, null);
Object.freeze(Fields.prototype);

/** @internal */
export function emptyFields(): FieldMap {
  return new Fields() as FieldMap;
}

/**
 * The checked fields of a bundle that is written whole.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function checkFields(
  fields: unknown,
  provider: string,
  definition: ProviderDefinition | undefined,
): FieldMap {
  const checked = emptyFields();
  for (const [field, value] of fieldEntries(fields, provider)) {
    checked[field] = checkValue(value, field, provider, definition);
  }
  assertBundleSize(checked, provider);
  return checked;
}

/**
 * `current` with checked changes: a string sets, `null` removes, `undefined` leaves.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function applyChanges(
  current: FieldMap,
  changes: unknown,
  provider: string,
  definition: ProviderDefinition | undefined,
): FieldMap {
  const next = Object.assign(emptyFields(), current);
  for (const [field, value] of fieldEntries(changes, provider)) {
    if (value === undefined) continue;
    if (value === null) delete next[field];
    else next[field] = checkValue(value, field, provider, definition);
  }
  assertBundleSize(next, provider);
  return next;
}

/** Whether two bundles have the same fields with the same values. @internal */
export function sameFields(a: FieldMap, b: FieldMap): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && a[name] === b[name])
  );
}

/**
 * The entries of an object of fields, their names checked.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function fieldEntries(fields: unknown, provider: string): [string, unknown][] {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw invalidArgument(
      `The fields of provider "${provider}" must be an object, not ${describeType(fields)}.`,
    );
  }
  const entries = Object.entries(fields);
  for (const [field] of entries) assertFieldName(field, provider);
  return entries;
}

function checkValue(
  value: unknown,
  field: string,
  provider: string,
  definition: ProviderDefinition | undefined,
): string {
  if (definition !== undefined && !Object.hasOwn(definition.fields, field)) {
    throw invalidArgument(undefinedField(field, definition));
  }
  const problem = valueProblem(value, definition?.fields[field]);
  if (problem !== undefined) {
    throw invalidArgument(`Field "${field}" of provider "${provider}" ${problem}`);
  }
  return value as string;
}

/**
 * Why a value cannot be stored, as the end of a sentence about it, or `undefined`. It says what is
 * expected, never the value: that may be a real secret, pasted into the wrong field.
 *
 * @internal
 */
export function valueProblem(
  value: unknown,
  field: FieldDefinition | undefined,
): string | undefined {
  if (typeof value !== 'string') return `must be a string, not ${describeType(value)}.`;
  // A page that sends back the mask it was shown must not replace the value with it.
  if (holdsPlaceholder(value)) {
    return 'holds a mask, not a value. Leave the field out to keep the stored value.';
  }
  const bytes = Buffer.byteLength(value);
  if (bytes > MAX_VALUE_BYTES) {
    return `has ${bytes} bytes; a value may have at most ${MAX_VALUE_BYTES}.`;
  }
  const { pattern, example } = field ?? {};
  if (pattern === undefined || matches(pattern, value)) return undefined;
  return `does not have the expected form${example === undefined ? '' : `: ${example}`}.`;
}

/** The message for a field that a provider's definition lacks. @internal */
function undefinedField(field: string, { name, fields }: ProviderDefinition): string {
  return `Provider "${name}" has no field "${field}". Its fields are: ${Object.keys(fields).join(', ')}.`;
}

function assertBundleSize(fields: FieldMap, provider: string): void {
  let bytes = 0;
  let largest = '';
  for (const [field, value] of Object.entries(fields)) {
    bytes += Buffer.byteLength(value);
    if (value.length > (fields[largest]?.length ?? 0)) largest = field;
  }
  if (bytes <= MAX_BUNDLE_BYTES) return;
  throw invalidArgument(
    `The fields of provider "${provider}" have ${bytes} bytes; a bundle may have at most ${MAX_BUNDLE_BYTES}. The largest field is "${largest}".`,
  );
}

/**
 * Whether a value has the form its definition asks for.
 *
 * @internal
 */
export function matches(pattern: RegExp, value: string): boolean {
  pattern.lastIndex = 0; // a pattern with the g or y flag remembers its last match
  return pattern.test(value);
}
