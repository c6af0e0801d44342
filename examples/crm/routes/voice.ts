import { type ErrorRequestHandler, type RequestHandler, Router, urlencoded } from 'express';
import type { Logger } from 'pino';
import { isVaultError, type SecretsVault, verifyTwilioWebhook } from 'provider-vault';
import twilio from 'twilio';
import type { Clients } from '../clients.ts';
import type { CrmConfig } from '../config.ts';
import type { Leads } from '../data/leads.ts';
import { answerTo, loggable } from '../http/errors.ts';
import { HttpError } from '../http/http-error.ts';

export interface VoiceParts {
  readonly vault: SecretsVault;
  readonly clients: Clients;
  readonly leads: Leads;
  readonly config: CrmConfig;
}

const MAX_BODY = '32kb';

/** Where Twilio reaches this backend for a tenant: from the configuration, not the Host header. */
export function webhookUrl({ publicUrl }: CrmConfig, tenantId: string, path: string): string {
  return `${publicUrl}/webhooks/twilio/${encodeURIComponent(tenantId)}/${path}`;
}

/**
 * What Twilio asks during a call. Twilio has no session: here the tenant comes from the path, and
 * counts only once the signature shows that the account of that very tenant sent the request.
 */
export function voiceWebhooks({ vault, clients, leads, config }: VoiceParts): Router {
  const router = Router();

  const verified: RequestHandler<{ tenantId: string }> = async (request, response, next) => {
    const { ok } = await verifyTwilioWebhook(vault, {
      tenantId: request.params.tenantId,
      signature: request.get('x-twilio-signature'),
      url: config.publicUrl + request.originalUrl,
      params: request.body,
      env: config.env,
    }).catch(refuseUnknownTenant);
    response.locals.isGenuine = ok;
    next(ok ? undefined : new HttpError(403, 'SIGNATURE', 'The signature is not valid.'));
  };
  router.use('/:tenantId', urlencoded({ extended: false, limit: MAX_BODY }));

  // The agent has picked up: connect the lead of the outbound call.
  router.post('/:tenantId/bridge/:leadId', verified, async (request, response) => {
    const { tenantId, leadId } = request.params as { tenantId: string; leadId: string };
    const lead = await leads.require(tenantId, leadId);
    const callerId = await clients.field(tenantId, 'twilio', 'phoneNumber');
    response.type('text/xml').send(dial(callerId, lead.phone));
  });

  // The Voice URL of the TwiML app: somebody calls from the browser with an access token. Whoever
  // has a token chooses `To`, so only the tenant's own leads can be called: no toll fraud.
  router.post('/:tenantId/voice', verified, async (request, response) => {
    const { tenantId } = request.params;
    const to: unknown = request.body?.To;
    if (typeof to !== 'string' || !(await leads.hasPhone(tenantId, to))) {
      throw new HttpError(404, 'NOT_FOUND', 'This number is not among your leads.');
    }
    const callerId = await clients.field(tenantId, 'twilio', 'phoneNumber');
    response.type('text/xml').send(dial(callerId, to));
  });

  return router;
}

/**
 * Says in TwiML what is wrong: Twilio reads nothing else. It reads an answer of 200 only; another status
 * is for requests that are not Twilio's.
 */
export function answerInTwiml(log: Logger): ErrorRequestHandler {
  return (error, _request, response, _next) => {
    const { status, message } = answerTo(error);
    if (status >= 500) log.error(loggable(error));
    const twiml = new twilio.twiml.VoiceResponse();
    twiml.say(message);
    response
      .status(response.locals.isGenuine ? 200 : status)
      .type('text/xml')
      .send(twiml.toString());
  };
}

function dial(callerId: string, number: string): string {
  const twiml = new twilio.twiml.VoiceResponse();
  twiml.dial({ callerId, answerOnBridge: true }).number(number);
  return twiml.toString();
}

/** The same answer for every reason, so that it does not reveal which tenants exist. */
export function refuseUnknownTenant(error: unknown): { ok: false } {
  if (isVaultError(error, 'ERR_NOT_CONFIGURED') || isVaultError(error, 'ERR_INVALID_ARGUMENT')) {
    return { ok: false };
  }
  throw error;
}
