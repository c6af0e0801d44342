import { canBeTested } from '../connections/run-test.ts';
import type { FieldDefinition, ProviderDefinition } from '../providers/define-provider.ts';
import { environmentFields } from '../providers/environment.ts';
import type { ProviderStatus, StatusOptions } from '../vault/status.ts';
import type { FieldView, HealthView, ProviderView, WebhookView } from './contract.ts';

/** A provider for the page. Of a secret it holds the mask and nothing else. @internal */
export function providerView(
  definition: ProviderDefinition,
  status: ProviderStatus,
  webhooks: readonly WebhookView[],
  env: StatusOptions['env'],
): ProviderView {
  const { state, missing, etag, keyId, updatedAt, updatedBy, reason } = status;
  const { health } = status as { readonly health?: unknown };
  return {
    name: definition.name,
    label: definition.label,
    state,
    missing,
    ready: readiness(definition, status, env),
    capabilities: definition.capabilities,
    methods: definition.methods,
    fields: Object.entries(definition.fields).map(([name, field]) =>
      fieldView(name, field, status),
    ),
    etag,
    testable: canBeTested(definition),
    webhooks: webhooks.map(({ label, url }) => ({ label, url })),
    ...(keyId !== undefined && { keyId }),
    ...(health !== undefined && { health: JSON.parse(JSON.stringify(health)) as HealthView }),
    ...(updatedAt !== undefined && { updatedAt: updatedAt.toISOString() }),
    ...(updatedBy !== undefined && { updatedBy }),
    ...(reason !== undefined && { reason }),
  };
}

/** What the credentials and the fields beside them make possible. */
function readiness(
  definition: ProviderDefinition,
  { state, fields }: ProviderStatus,
  env: StatusOptions['env'],
): Record<string, boolean> {
  const isUsable = state === 'configured' || state === 'overridden';
  const overriding = state === 'overridden' ? environmentFields(definition, env) : {};
  const isSet = (field: string) => Boolean(fields[field]?.set) || field in overriding;
  return Object.fromEntries(
    Object.entries(definition.capabilities).map(([name, needed]) => [
      name,
      isUsable && needed.every(isSet),
    ]),
  );
}

function fieldView(name: string, field: FieldDefinition, { fields }: ProviderStatus): FieldView {
  const { label, secret, help, example, pattern, destination } = field;
  const { set = false, masked } = fields[name] ?? {};
  return {
    name,
    label,
    secret,
    set,
    ...(masked !== undefined && { masked }),
    ...(help !== undefined && { help }),
    ...(example !== undefined && { example }),
    ...(pattern !== undefined && { pattern: pattern.source }),
    ...(pattern?.flags && { patternFlags: pattern.flags }),
    ...(destination === true && { destination }),
  };
}
