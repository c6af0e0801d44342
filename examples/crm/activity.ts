import type { AuditAction, MongoAuditSink } from 'provider-vault';
import { offeredProvider } from './providers.ts';

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

/** Who did what with a tenant's credentials, newest first, in the words of the settings page. */
export async function recentActivity(audit: MongoAuditSink, tenantId: string) {
  const found = await Promise.all(
    SHOWN.map((action) => audit.find({ tenantId, action, limit: LIMIT })),
  );
  return found
    .flat()
    .sort((a, b) => b.at.getTime() - a.at.getTime())
    .slice(0, LIMIT)
    .map(({ at, action, provider, fields, outcome, code, actor }) => {
      const offered = offeredProvider(provider);
      const labels = fields.map((field) => offered?.definition.fields[field]?.label ?? field);
      return {
        at,
        action,
        title: offered?.title ?? provider,
        fields: labels,
        outcome,
        code,
        actor,
      };
    });
}
