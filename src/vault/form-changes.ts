import { invalidArgument } from '../errors.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import { type FieldMap, fieldEntries } from '../providers/fields.ts';
import { formChange } from './form.ts';

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
    if (change.to !== undefined) changes[field] = change.to;
  }
  assertSecretsEnteredAgain(form, current, definition);
  return changes;
}

/**
 * Refuses changes of a destination that do not hold the stored secrets which are sent to it.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function assertSecretsEnteredAgain(
  changes: unknown,
  current: FieldMap,
  definition: ProviderDefinition | undefined,
): void {
  if (definition === undefined) return;
  const again = secretsToEnterAgain(changes, definition, (field) => current[field]);
  if (again.length === 0) return;
  const names = again.map((field) => JSON.stringify(field)).join(', ');
  throw invalidArgument(
    `The destination of provider "${definition.name}" changes. Enter again what is sent to it: ${names}.`,
  );
}

/**
 * The stored secrets that a change must hold because it changes where they are sent to. Who may edit an
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
  const to = (field: string) => formChange(field, entered[field], definition, undefined).to;
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
