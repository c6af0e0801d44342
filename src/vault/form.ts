import { invalidArgument } from '../errors.ts';
import { describeType } from '../names.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import { type FieldMap, fieldEntries, valueProblem } from '../providers/fields.ts';
import { isPlaceholder, isSecret } from '../providers/mask.ts';

/**
 * The changes that a submitted form asks for: a string sets and `null` removes. An empty field, and
 * a value equal to the one that the page was shown, ask for nothing.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` for a value of another type, a field that neither the
 * definition nor the record has, or a mask that was typed into
 * @internal
 */
export function formChanges(
  form: unknown,
  current: FieldMap,
  provider: string,
  definition: ProviderDefinition | undefined,
): Record<string, string | null> {
  const changes: Record<string, string | null> = {};
  for (const [field, value] of fieldEntries(form, provider)) {
    if (value === undefined) continue;
    const stored = Object.hasOwn(current, field) ? current[field] : undefined;
    const change = formChange(field, value, definition, stored);
    if (change.problem !== undefined) {
      throw invalidArgument(`Field "${field}" of provider "${provider}" ${change.problem}`);
    }
    if (change.to === null && stored === undefined) continue;
    if (change.to !== undefined && change.to !== stored) changes[field] = change.to;
  }
  const again = definition ? secretsToEnterAgain(form, definition, (field) => current[field]) : [];
  if (again.length > 0) {
    throw invalidArgument(
      `The destination of provider "${provider}" changes. Enter again what is sent to it: ${again.map((field) => JSON.stringify(field)).join(', ')}.`,
    );
  }
  return changes;
}

/**
 * The stored secrets that a form must hold because it changes where they are sent to. Who may edit an
 * SMTP host must not get the stored password by it.
 *
 * @param shown - what a page is shown of a field: the value, or of a secret anything but nothing
 * @internal
 */
export function secretsToEnterAgain(
  form: unknown,
  definition: ProviderDefinition,
  shown: (field: string) => string | undefined,
): string[] {
  const entered = form as Readonly<Record<string, unknown>>;
  const to = (field: string) =>
    Object.hasOwn(entered, field) && entered[field] !== undefined
      ? formChange(field, entered[field], definition, undefined).to
      : undefined;
  const fields = Object.entries(definition.fields);
  const moves = fields.some(([field, { destination }]) => {
    const next = destination ? to(field) : undefined;
    return typeof next === 'string' && next !== shown(field)?.trim();
  });
  if (!moves) return [];
  return fields.flatMap(([field, { secret }]) =>
    secret && shown(field) && to(field) === undefined ? [field] : [],
  );
}

/**
 * All problems of a submitted form that can be found without the stored record, by field.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` for anything but an object of fields
 * @internal
 */
export function formProblems(
  form: unknown,
  provider: string,
  definition: ProviderDefinition | undefined,
): Record<string, string> {
  const problems: [string, string][] = [];
  for (const [field, value] of fieldEntries(form, provider)) {
    if (value === undefined) continue;
    const change = formChange(field, value, definition, undefined);
    const entered = typeof change.to === 'string' ? change.to : undefined;
    const problem = change.problem ?? (entered && valueProblem(entered, definition?.fields[field]));
    if (problem) problems.push([field, `This ${problem}`]);
  }
  return Object.fromEntries(problems);
}

interface FormChange {
  /** The new value, `null` to remove it, `undefined` to leave it. */
  readonly to?: string | null;
  /** Why it cannot be saved, as the end of a sentence about it. */
  readonly problem?: string;
}

function formChange(
  field: string,
  value: unknown,
  definition: ProviderDefinition | undefined,
  stored: string | undefined,
): FormChange {
  // Old records hold fields that no definition has. A page shows them, and may remove them.
  if (
    definition !== undefined &&
    stored === undefined &&
    !Object.hasOwn(definition.fields, field)
  ) {
    return { problem: `is not a field of ${definition.name}.` };
  }
  if (value === null) return { to: null };
  if (typeof value !== 'string') {
    return { problem: `must be a string or null, not ${describeType(value)}.` };
  }
  const entered = value.trim(); // keys are pasted with white space around them
  if (entered === '' || isPlaceholder(entered)) return {};
  if (value === stored || entered === stored || entered === stored?.trim()) return {};
  if (isSecret(field, definition) && entered.includes('•')) {
    return { problem: 'holds a part of a mask. Enter the whole value.' };
  }
  return { to: entered };
}
