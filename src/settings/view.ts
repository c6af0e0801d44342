import { canBeTested } from '../connections/run-test.ts';
import type { FieldDefinition, ProviderDefinition } from '../providers/define-provider.ts';
import { environmentFields } from '../providers/environment.ts';
import type { ProviderStatus, StatusOptions } from '../vault/status.ts';
import type { FieldView, HealthView, ProviderView, WebhookView } from './contract.ts';
import { fieldHelp } from './help.ts';
import { problemMessage, type Translate } from './messages.ts';

/** A provider for the page. Of a secret it holds the mask and nothing else. @internal */
export function providerView(
  definition: ProviderDefinition,
  status: ProviderStatus,
  webhooks: readonly WebhookView[],
  env: StatusOptions['env'],
  say: Translate,
): ProviderView {
  const { state, missing, etag, keyId, updatedAt, updatedBy, reason, health } = status;
  return {
    name: definition.name,
    label: definition.label,
    state,
    missing,
    ready: readiness(definition, status, env),
    capabilities: definition.capabilities,
    methods: [...definition.methods].sort(
      (a, b) => Number(b.recommended === true) - Number(a.recommended === true),
    ),
    fields: Object.keys(definition.fields).map((name) => fieldView(definition, name, status)),
    etag,
    testable: canBeTested(definition),
    webhooks,
    ...(keyId !== undefined && { keyId }),
    ...(health !== undefined && { health: healthView(health, definition, say) }),
    ...(updatedAt !== undefined && { updatedAt: updatedAt.toISOString() }),
    ...(updatedBy !== undefined && { updatedBy }),
    ...(reason !== undefined && { reason }),
  };
}

function healthView(
  { state, since, checkedAt, code }: NonNullable<ProviderStatus['health']>,
  { label }: ProviderDefinition,
  say: Translate,
): HealthView {
  return {
    state,
    since: since.toISOString(),
    checkedAt: checkedAt.toISOString(),
    ...(code !== undefined && { code, message: say(problemMessage(code), { label }) }),
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

function fieldView(
  definition: ProviderDefinition,
  name: string,
  { fields }: ProviderStatus,
): FieldView {
  const field = definition.fields[name] as FieldDefinition;
  const { label, secret, example, pattern, destination } = field;
  const help = fieldHelp(definition, name);
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
