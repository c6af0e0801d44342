import { Router, raw, urlencoded } from 'express';
import { type SecretsVault, verifySendGridWebhook, verifyTwilioWebhook } from 'provider-vault';
import type { CrmConfig } from '../config.ts';
import type { Leads } from '../data/leads.ts';
import { HttpError } from '../http/http-error.ts';
import { refuseUnknownTenant } from './voice.ts';

export interface InboundParts {
  readonly vault: SecretsVault;
  readonly leads: Leads;
  readonly config: CrmConfig;
}

const MAX_BODY = '32kb';
const MAX_EVENTS = '1mb';

/** What arrives without being asked for: messages to the tenants' numbers, and the fate of their mail. */
export function inboundWebhooks({ vault, leads, config }: InboundParts): Router {
  const router = Router();
  const refused = () => new HttpError(403, 'SIGNATURE', 'The signature is not valid.');

  // One URL for the numbers of all tenants: the vault finds whose account it is, and the signature
  // of that account proves it.
  const form = urlencoded({ extended: false, limit: MAX_BODY });
  router.post('/twilio/sms', form, async (request, response) => {
    const { ok, tenantId } = await verifyTwilioWebhook(vault, {
      resolve: true,
      signature: request.get('x-twilio-signature'),
      url: config.publicUrl + request.originalUrl,
      params: request.body,
      env: config.env,
    });
    // Without a tenant id, several tenants have this account and none of them this number.
    if (!ok || tenantId === undefined) throw refused();
    const { From: phone, Body: text } = request.body as Record<string, unknown>;
    await leads.note(tenantId, { phone }, `SMS: ${String(text ?? '').slice(0, 1600)}`);
    response.type('text/xml').send('<Response/>');
  });

  // SendGrid names no account: here the tenant comes from the path, and counts only once the
  // signature shows that it was made with the key of that very tenant.
  const unparsed = raw({ type: () => true, limit: MAX_EVENTS });
  router.post('/sendgrid/:tenantId', unparsed, async (request, response) => {
    const { tenantId } = request.params as { tenantId: string };
    const rawBody: unknown = request.body;
    const { ok } = await verifySendGridWebhook(vault, {
      tenantId,
      signature: request.get('x-twilio-email-event-webhook-signature'),
      timestamp: request.get('x-twilio-email-event-webhook-timestamp'),
      rawBody: Buffer.isBuffer(rawBody) ? rawBody : '',
    }).catch(refuseUnknownTenant);
    if (!ok) throw refused();
    const events = JSON.parse(String(rawBody)) as { email?: unknown; event?: unknown }[];
    for (const { email, event } of events) {
      if (event === 'bounce') await leads.note(tenantId, { email }, 'Mail bounced');
    }
    response.status(204).end();
  });

  return router;
}
