import type { AuditAction, AuditEvent } from '../audit/audit-event.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import type { ActivityEntry } from './contract.ts';
import { isMessage, type SettingsMessages, type Translate } from './messages.ts';

// That somebody looked at the page would drown the rest, and an index is nobody's news.
const HIDDEN: ReadonlySet<AuditAction> = new Set([
  ...(['status', 'list', 'history', 'verify', 'find', 'reindex'] as const),
]);
/** Counted per day, whoever did them. */
const COUNTED: ReadonlySet<AuditAction> = new Set([
  'get',
  'override',
  'test',
  'webhook',
  'refresh',
]);
const MAX_ENTRIES = 50;
const DAY_MS = 86_400_000;

/**
 * What was done with the credentials of a tenant, newest first, with equal uses of a day (UTC) as one
 * line: "used 12 times today".
 *
 * @internal
 */
export function groupActivity(
  events: readonly AuditEvent[],
  tenantId: string,
  providers: ReadonlyMap<string, ProviderDefinition>,
  say: Translate,
  now = new Date(),
): ActivityEntry[] {
  const groups = new Map<string, AuditEvent[]>();
  const shown = events
    .filter((event) => event.tenantId === tenantId && !HIDDEN.has(event.action))
    .filter(({ provider }) => providers.has(provider))
    .sort((a, b) => b.at.getTime() - a.at.getTime());
  for (const [index, event] of shown.entries()) {
    const { provider, action, outcome, at } = event;
    const which = COUNTED.has(action) ? `${outcome} ${dayNumber(at)}` : index;
    const key = `${provider} ${action} ${which}`;
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  return [...groups.values()]
    .slice(0, MAX_ENTRIES)
    .map((group) => entry(group, providers, say, now));
}

function entry(
  group: readonly AuditEvent[],
  providers: ReadonlyMap<string, ProviderDefinition>,
  say: Translate,
  now: Date,
): ActivityEntry {
  const [first] = group as [AuditEvent];
  const { at, provider, action, outcome, actor, fields } = first;
  const definition = providers.get(provider) as ProviderDefinition;
  const isOnePerson = group.every((event) => event.actor === actor);
  const labels = COUNTED.has(action)
    ? []
    : fields.map((field) => definition.fields[field]?.label ?? field);
  const count = group.reduce((sum, event) => sum + (event.count ?? 1), 0);
  const message = say(sentenceFor(first), {
    label: definition.label,
    action,
    actor: actor ?? say('somebody'),
    fields: labels.join(', ') || say('nothing'),
    times: count === 1 ? say('once') : say('times', { count }),
    day: dayInWords(at, now, say),
  });
  return {
    at: at.toISOString(),
    provider,
    action,
    outcome,
    count,
    fields: labels,
    ...(isOnePerson && actor !== undefined && { actor }),
    message: hasWorked(first) ? message : say('activity.failed', { message }),
  };
}

function sentenceFor({ action, outcome, rev }: AuditEvent): keyof SettingsMessages {
  if (action === 'health') return outcome === 'ok' ? 'activity.works' : 'activity.fails';
  const isFirst = rev === 1 && outcome === 'ok';
  if (isFirst && (action === 'put' || action === 'patch')) return 'activity.first';
  const key = `activity.${action}`;
  return isMessage(key) ? key : 'activity.other';
}

/** Whether a sentence needs no addition: those about webhooks and health say themselves what failed. */
function hasWorked({ action, outcome }: AuditEvent): boolean {
  return outcome === 'ok' || action === 'webhook' || action === 'health';
}

function dayNumber(at: Date): number {
  return Math.floor(at.getTime() / DAY_MS);
}

function dayInWords(at: Date, now: Date, say: Translate): string {
  const days = dayNumber(now) - dayNumber(at);
  if (days <= 0) return say('today');
  return days === 1 ? say('yesterday') : say('onDay', { date: at.toISOString().slice(0, 10) });
}
