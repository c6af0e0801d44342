import type { AuditAction, MongoAuditSink } from 'provider-vault';
import type { Notices } from './data/notices.ts';
import { healthText } from './health.ts';
import type { OfferedProvider } from './providers.ts';
import { UPKEEP } from './upkeep.ts';

// Not `status`: that somebody looked at the settings page would drown the rest.
const SHOWN: readonly AuditAction[] = [
  'get',
  'put',
  'patch',
  'delete',
  'rollback',
  'override',
  'migrate',
  'rotate',
  'test',
];
const LIMIT = 20;
const READ = 100; // with what the CRM does by itself, which would drown the rest, too

export interface ActivityParts {
  readonly audit: MongoAuditSink;
  readonly notices: Notices;
  readonly providers: readonly OfferedProvider[];
}

/**
 * Who did what with a tenant's credentials, and what the tenant was told of them, newest first, in the
 * words of the settings page.
 */
export async function recentActivity(
  { audit, notices, providers }: ActivityParts,
  tenantId: string,
) {
  const offeredProvider = (name: string) =>
    providers.find(({ definition }) => definition.name === name);
  const [told, ...found] = await Promise.all([
    notices.list(tenantId, LIMIT),
    ...SHOWN.map((action) => audit.find({ tenantId, action, limit: READ })),
  ]);
  const notes = told.map((notice) => {
    const { at, provider, state, code } = notice;
    const title = offeredProvider(provider)?.title ?? provider;
    const outcome = state === 'ok' ? 'ok' : 'failed';
    return { at, action: 'health', title, text: healthText(title, notice), outcome, code };
  });
  const events = found
    .flat()
    .filter(({ actor }) => actor !== UPKEEP)
    .map(({ at, action, provider, fields, outcome, code, actor }) => {
      const offered = offeredProvider(provider);
      const title = offered?.title ?? provider;
      const labels = fields.map((field) => offered?.definition.fields[field]?.label ?? field);
      return { at, action, title, fields: labels, outcome, code, actor };
    });
  return [...notes, ...events].sort((a, b) => b.at.getTime() - a.at.getTime()).slice(0, LIMIT);
}
