import { type AuditDetails, type AuditEntry, outcomeOf } from '../audit/audit-trail.ts';
import { auditSubject, nameOrPlaceholder } from '../core/audited.ts';
import type { ReadOptions } from '../core/options.ts';
import { traced } from '../core/tracing.ts';
import type { VaultCore } from '../core/vault-core.ts';
import type { WebhookVerification } from './webhook-result.ts';

/**
 * Runs the verification of a webhook, and leaves an audit event of the action `webhook`. Each genuine
 * webhook has one. Anybody can post to a webhook: refusals are summed up per tenant and minute.
 *
 * @internal
 */
export async function auditedWebhook(
  core: VaultCore,
  provider: string,
  tenantId: unknown,
  options: ReadOptions,
  verify: (entry: AuditEntry) => Promise<WebhookVerification>,
): Promise<WebhookVerification> {
  const ref = { tenantId: nameOrPlaceholder(tenantId), provider };
  const subject = auditSubject('webhook', ref, options);
  const details: AuditDetails = {};
  let result: WebhookVerification;
  try {
    result = await traced(
      'verifyWebhook',
      core.owner,
      async (context) => {
        const verified = await verify(Object.assign(details, { recordIntent: async () => {} }));
        if (context !== undefined && !verified.ok) context.errorType = verified.reason;
        return verified;
      },
      () => ref,
    );
  } catch (error) {
    await core.trail.refusedOutsider({ ...subject, ...outcomeOf(error) });
    throw error;
  }
  if (result.ok) {
    const { tenantIds = [result.tenantId ?? ref.tenantId] } = result;
    for (const tenantId of tenantIds) {
      await core.trail.record({ ...subject, tenantId, ...details, outcome: 'ok' });
    }
  } else await core.trail.refusedOutsider({ ...subject, outcome: 'refused', code: result.reason });
  return result;
}
