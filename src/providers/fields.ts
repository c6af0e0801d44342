import { invalidArgument } from '../errors.ts';
import { assertFieldName, describeType } from '../record/ref.ts';
import type { ProviderDefinition } from './define-provider.ts';
import { holdsPlaceholder } from './mask.ts';
import type { BuiltInProviders } from './registry.ts';

/**
 * A provider as callers name it: by name, or by its definition, which types the fields.
 *
 * @public
 */
export type ProviderRef = string | ProviderDefinition;

/**
 * The field names of a provider: those of its definition, or any where it has none.
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
 * Changes to credentials: a string sets, `null` removes, and what is absent stays.
 *
 * @public
 */
export type ChangesOf<P extends ProviderRef> = {
  readonly [F in FieldNameOf<P>]?: string | null | undefined;
};

/** Field name → value, without a prototype that a name could collide with. @internal */
export type FieldMap = Record<string, string>;

/** @internal */
export function emptyFields(): FieldMap {
  return Object.create(null) as FieldMap;
}

/**
 * Checked fields of a bundle that is written whole.
 *
 * @internal
 */
export function checkFields(
  fields: unknown,
  provider: string,
  definition: ProviderDefinition | undefined,
): FieldMap {
  const checked = emptyFields();
  for (const [field, value] of entriesOf(fields, provider)) {
    checked[field] = checkValue(value, field, provider, definition);
  }
  return checked;
}

/**
 * `current` with checked changes: a string sets, `null` removes, `undefined` leaves.
 *
 * @internal
 */
export function applyChanges(
  current: FieldMap,
  changes: unknown,
  provider: string,
  definition: ProviderDefinition | undefined,
): FieldMap {
  const next = Object.assign(emptyFields(), current);
  for (const [field, value] of entriesOf(changes, provider)) {
    if (value === undefined) continue;
    if (value === null) delete next[field];
    else next[field] = checkValue(value, field, provider, definition);
  }
  return next;
}

/**
 * The entries of what came as fields, their names checked.
 *
 * @internal
 */
export function entriesOf(fields: unknown, provider: string): [string, unknown][] {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw invalidArgument(
      `The fields of provider "${provider}" must be an object, not ${describeType(fields)}.`,
    );
  }
  const entries = Object.entries(fields);
  for (const [field] of entries) assertFieldName(field, provider);
  return entries;
}

// Messages name the field and what was expected, never the value: it may be a real secret that was
// pasted into the wrong field.
function checkValue(
  value: unknown,
  field: string,
  provider: string,
  definition: ProviderDefinition | undefined,
): string {
  if (typeof value !== 'string') {
    throw invalidArgument(
      `Field "${field}" of provider "${provider}" must be a string, not ${describeType(value)}.`,
    );
  }
  // A page that sends back what it was shown must not replace the value by its mask.
  if (holdsPlaceholder(value)) {
    throw invalidArgument(
      `Field "${field}" of provider "${provider}" holds a mask, not a value. Leave the field out to keep what is stored.`,
    );
  }
  if (definition === undefined) return value;
  assertDefined(field, definition);
  const { label, pattern, example } = definition.fields[field] ?? {};
  if (pattern !== undefined && !matches(pattern, value)) {
    throw invalidArgument(
      `Field "${field}" of provider "${provider}" (${label}) does not have the expected form${example === undefined ? '' : `: ${example}`}.`,
    );
  }
  return value;
}

/**
 * Refuses a field that a provider's definition does not have.
 *
 * @internal
 */
export function assertDefined(field: string, { name, fields }: ProviderDefinition): void {
  if (Object.hasOwn(fields, field)) return;
  throw invalidArgument(
    `Provider "${name}" has no field "${field}". Its fields are: ${Object.keys(fields).join(', ')}.`,
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
