import { type Request, Router } from 'express';
import { createVoiceToken, isVaultError, type SecretsVault } from 'provider-vault';
import type { Clients } from '../clients.ts';
import type { CrmConfig } from '../config.ts';
import type { Leads } from '../data/leads.ts';
import { HttpError } from '../http/http-error.ts';
import { phoneOf, textOf } from '../http/input.ts';
import { limitTenant } from '../http/security.ts';
import { sessionOf } from '../http/sessions.ts';
import { webhookUrl } from './voice.ts';

export interface TwilioParts {
  readonly vault: SecretsVault;
  readonly clients: Clients;
  readonly leads: Leads;
  readonly config: CrmConfig;
}

const SENDS_PER_MINUTE = 60;
const MAX_SMS = 1600;
const TOKEN_SECONDS = 3600;
const INCOMING_ONLY =
  'This token is for incoming calls only. Enter "TwiML app SID" in the settings to call from the browser.';
const NEEDS_API_KEY = 'Connect Twilio with an API key in the settings to call from the browser.';

export function twilioRoutes({ vault, clients, leads, config }: TwilioParts): Router {
  const router = Router();
  router.use(limitTenant(SENDS_PER_MINUTE));

  /** The text and the number of a message: as calls, messages go to the tenant's leads only. */
  async function messageOf({ body: input }: Request, tenantId: string) {
    const [to, body] = [phoneOf(input, 'to'), textOf(input, 'body', MAX_SMS)];
    if (await leads.hasPhone(tenantId, to)) return { to, body };
    throw new HttpError(404, 'NOT_FOUND', 'This number is not among your leads.');
  }

  // { to, body }
  router.post('/sms', async (request, response) => {
    const { tenantId } = sessionOf(response);
    const { to, body } = await messageOf(request, tenantId);
    const twilio = await clients.twilio(tenantId, 'sms');
    const from = await clients.field(tenantId, 'twilio', 'phoneNumber');
    const message = await twilio.messages.create({ from, to, body });
    response.status(201).json({ sid: message.sid, status: message.status });
  });

  // { to, body }
  router.post('/whatsapp', async (request, response) => {
    const { tenantId } = sessionOf(response);
    const { to, body } = await messageOf(request, tenantId);
    const twilio = await clients.twilio(tenantId, 'whatsapp');
    const from = await clients.field(tenantId, 'twilio', 'whatsappNumber');
    const message = await twilio.messages.create({ from: whatsapp(from), to: whatsapp(to), body });
    response.status(201).json({ sid: message.sid, status: message.status });
  });

  // { leadId }: rings the agent first, then Twilio asks /webhooks/twilio/… whom to connect.
  router.post('/outbound-call', async (request, response) => {
    const { tenantId } = sessionOf(response);
    const lead = await leads.require(tenantId, textOf(request.body, 'leadId'));
    const twilio = await clients.twilio(tenantId, 'calls');
    const from = await clients.field(tenantId, 'twilio', 'phoneNumber');
    const to = await clients.field(tenantId, 'twilio', 'agentPhoneNumber');
    const url = webhookUrl(config, tenantId, `bridge/${encodeURIComponent(lead.id)}`);
    const call = await twilio.calls.create({ from, to, url });
    response.status(201).json({ sid: call.sid, status: call.status });
  });

  // For Twilio's Voice SDK in the browser. It is a credential of one user for one hour, and the
  // only thing here that leaves the server; the key that signed it stays.
  router.post('/access-token', async (_request, response) => {
    const { tenantId, email } = sessionOf(response);
    const token = await createVoiceToken(vault, {
      tenantId,
      identity: email,
      ttlSeconds: TOKEN_SECONDS,
      env: config.env,
    }).catch((error: unknown) => {
      if (!isVaultError(error, 'ERR_NOT_CONFIGURED')) throw error;
      throw new HttpError(409, error.code, NEEDS_API_KEY);
    });
    const { outgoing } = voiceGrantOf(token);
    response.json({
      token,
      identity: email,
      expiresIn: TOKEN_SECONDS,
      incomingOnly: outgoing === undefined,
      ...(outgoing === undefined && { note: INCOMING_ONLY }),
    });
  });

  return router;
}

/** What the token allows, as it says itself. */
function voiceGrantOf(token: string): { readonly outgoing?: object } {
  const [, payload = ''] = token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')).grants.voice;
}

function whatsapp(number: string): string {
  return number.startsWith('whatsapp:') ? number : `whatsapp:${number}`;
}
