import { Router } from 'express';
import { createVoiceToken, type SecretsVault } from 'provider-vault';
import type { Clients } from '../clients.ts';
import type { CrmConfig } from '../config.ts';
import type { Leads } from '../data/leads.ts';
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

export function twilioRoutes({ vault, clients, leads, config }: TwilioParts): Router {
  const router = Router();
  router.use(limitTenant(SENDS_PER_MINUTE));

  // { to, body }
  router.post('/sms', async (request, response) => {
    const { tenantId } = sessionOf(response);
    const [to, body] = [phoneOf(request.body, 'to'), textOf(request.body, 'body', MAX_SMS)];
    const twilio = await clients.twilio(tenantId);
    const from = await clients.field(tenantId, 'twilio', 'phoneNumber');
    const message = await twilio.messages.create({ from, to, body });
    response.status(201).json({ sid: message.sid, status: message.status });
  });

  // { to, body }
  router.post('/whatsapp', async (request, response) => {
    const { tenantId } = sessionOf(response);
    const [to, body] = [phoneOf(request.body, 'to'), textOf(request.body, 'body', MAX_SMS)];
    const twilio = await clients.twilio(tenantId);
    const from = await clients.field(tenantId, 'twilio', 'whatsappNumber');
    const message = await twilio.messages.create({ from: whatsapp(from), to: whatsapp(to), body });
    response.status(201).json({ sid: message.sid, status: message.status });
  });

  // { leadId }: rings the agent first, then Twilio asks /webhooks/twilio/… whom to connect.
  router.post('/outbound-call', async (request, response) => {
    const { tenantId } = sessionOf(response);
    const lead = await leads.require(tenantId, textOf(request.body, 'leadId'));
    const twilio = await clients.twilio(tenantId);
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
    });
    response.json({ token, identity: email, expiresIn: TOKEN_SECONDS });
  });

  return router;
}

function whatsapp(number: string): string {
  return number.startsWith('whatsapp:') ? number : `whatsapp:${number}`;
}
