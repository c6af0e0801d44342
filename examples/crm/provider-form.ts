import type { ProviderStatus } from 'provider-vault';
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
    etag: status.etag,
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
