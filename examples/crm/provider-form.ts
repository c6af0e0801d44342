import type { ProviderStatus } from 'provider-vault';
import { healthText } from './health.ts';
import type { OfferedProvider } from './providers.ts';

/** A provider as the page draws it. Of a secret field it holds the mask and nothing else. */
export function shownProvider(
  { definition, title, use, testable, connect = false }: OfferedProvider,
  status: ProviderStatus,
) {
  // Of a connection, the account is all that somebody enters.
  const entered = Object.entries(definition.fields).filter(
    ([name]) => !connect || name === 'account',
  );
  const labelOf = (field: string) => definition.fields[field]?.label ?? field;
  return {
    name: definition.name,
    title,
    use,
    testable,
    connect,
    state: status.state,
    reason: status.reason,
    detail: status.detail,
    health: status.health && {
      ...status.health,
      text: healthText(title, status.health),
    },
    missing: status.missing.map(labelOf),
    ways: definition.complete.map((set) => set.map(labelOf)),
    rev: status.rev,
    etag: status.etag,
    keyId: status.keyId,
    bound: status.bound,
    updatedAt: status.updatedAt,
    updatedBy: status.updatedBy,
    fields: entered.map(([name, { label, secret, example }]) => ({
      name,
      label,
      secret,
      example,
      needed: connect || definition.complete.some((set) => set.includes(name)),
      set: status.fields[name]?.set ?? false,
      masked: status.fields[name]?.masked,
    })),
  };
}
