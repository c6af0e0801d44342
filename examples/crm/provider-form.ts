import type { ProviderDefinition, ProviderStatus } from 'provider-vault';
import type { OfferedProvider } from './providers.ts';

/** A provider as the page draws it. Of a secret field it holds the mask and nothing else. */
export function shownProvider(
  { definition, title, use, testable }: OfferedProvider,
  status: ProviderStatus,
) {
  const labelOf = (field: string) => definition.fields[field]?.label ?? field;
  return {
    name: definition.name,
    title,
    use,
    testable,
    state: status.state,
    reason: status.reason,
    detail: status.detail,
    missing: status.missing.map(labelOf),
    ways: definition.complete.map((set) => set.map(labelOf)),
    rev: status.rev,
    keyId: status.keyId,
    bound: status.bound,
    updatedAt: status.updatedAt,
    updatedBy: status.updatedBy,
    fields: Object.entries(definition.fields).map(([name, { label, secret, example }]) => ({
      name,
      label,
      secret,
      example,
      needed: definition.complete.some((set) => set.includes(name)),
      set: status.fields[name]?.set ?? false,
      masked: status.fields[name]?.masked,
    })),
  };
}

/**
 * All that is wrong with a form, by field. The vault checks again, and stops at the first; a page
 * wants each message beside its field.
 */
export function fieldErrors(
  definition: ProviderDefinition,
  status: ProviderStatus,
  form: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const [name, value] of Object.entries(form)) {
    const field = Object.hasOwn(definition.fields, name) ? definition.fields[name] : undefined;
    if (field === undefined || value === null) continue;
    if (typeof value !== 'string') {
      errors[name] = 'This must be text.';
      continue;
    }
    const entered = value.trim();
    if (entered === '' || entered === status.fields[name]?.masked) continue;
    if (field.secret && entered.includes('•')) {
      errors[name] = 'This holds a part of the mask. Enter the whole value.';
    } else if (field.pattern !== undefined && !field.pattern.test(entered)) {
      errors[name] = field.example ? `Expected: ${field.example}.` : 'This has not the right form.';
    }
  }
  return errors;
}
