import { invalidArgument } from '../errors.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import { assertDefined, entriesOf, type FieldMap } from '../providers/fields.ts';
import { isPlaceholder, isSecret } from '../providers/mask.ts';
import { describeType } from '../record/ref.ts';

/**
 * The changes that a submitted form asks for: a string sets and `null` removes. What the page was
 * shown, now or before somebody else's change, and what is empty, asks for nothing.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` for a value that is no string, a field that neither the
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
  for (const [field, value] of entriesOf(form, provider)) {
    if (value === undefined) continue;
    const stored = Object.hasOwn(current, field) ? current[field] : undefined;
    // Old records hold fields that no definition has. A page shows them, and may remove them.
    if (definition !== undefined && stored === undefined) assertDefined(field, definition);

    if (value === null) {
      if (stored !== undefined) changes[field] = null;
      continue;
    }
    if (typeof value !== 'string') {
      throw invalidArgument(
        `Field "${field}" of the form for provider "${provider}" must be a string or null, not ${describeType(value)}.`,
      );
    }
    const entered = value.trim(); // keys are pasted, with what is around them
    if (entered === '' || isPlaceholder(entered)) continue;
    if (value === stored || entered === stored) continue;
    if (isSecret(field, definition) && entered.includes('•')) {
      throw invalidArgument(
        `Field "${field}" of the form for provider "${provider}" holds a part of a mask. Enter the whole value.`,
      );
    }
    changes[field] = entered;
  }
  return changes;
}
