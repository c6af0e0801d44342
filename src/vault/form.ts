import { describeType } from '../names.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import { fieldEntries, valueProblem } from '../providers/fields.ts';
import { isPlaceholder, isSecret } from '../providers/mask.ts';

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
    const problem =
      change.problem ?? (change.to && valueProblem(change.to, definition?.fields[field]));
    if (problem) problems.push([field, `This ${problem}`]);
  }
  return Object.fromEntries(problems);
}

/** What one field of a form asks for. @internal */
export interface FormChange {
  /** The new value, `null` to remove it, `undefined` to leave it. */
  readonly to?: string | null;
  /** Why it cannot be saved, as the end of a sentence about it. */
  readonly problem?: string;
}

/** @internal */
export function formChange(
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
  if (entered === stored?.trim()) return {};
  if (isSecret(field, definition) && entered.includes('•')) {
    return { problem: 'holds a part of a mask. Enter the whole value.' };
  }
  return { to: entered };
}
