import { Router } from 'express';
import type { Clients, Mail } from '../clients.ts';
import type { EmailDrafts } from '../data/email-drafts.ts';
import type { SettingsDocuments } from '../data/settings.ts';
import { emailOf, objectOf, textOf } from '../http/input.ts';
import { limitTenant } from '../http/security.ts';
import { sessionOf } from '../http/sessions.ts';

export interface EmailParts {
  readonly clients: Clients;
  readonly settings: SettingsDocuments;
}

export interface EmailDraftParts extends EmailParts {
  readonly drafts: EmailDrafts;
}

const SENDS_PER_MINUTE = 60;
const MAX_SUBJECT = 200;
const MAX_TEXT = 10_000;

export function emailRoutes({ clients, settings }: EmailParts): Router {
  const router = Router();

  // { to, subject, text }
  router.post('/send', limitTenant(SENDS_PER_MINUTE), async (request, response) => {
    await sendEmail(clients, settings, sessionOf(response).tenantId, mailOf(request.body));
    response.status(202).json({ status: 'accepted' });
  });
  return router;
}

export function emailDraftRoutes({ clients, drafts, settings }: EmailDraftParts): Router {
  const router = Router();

  router.get('/', async (_request, response) => {
    response.json({ drafts: await drafts.list(sessionOf(response).tenantId) });
  });

  router.post('/', async (request, response) => {
    const draft = await drafts.add(sessionOf(response).tenantId, mailOf(request.body));
    response.status(201).json(draft);
  });

  // { draftId, again? }: `again` sends one of which it is not known whether it was sent.
  router.post('/send', limitTenant(SENDS_PER_MINUTE), async (request, response) => {
    const { tenantId } = sessionOf(response);
    const again = objectOf(request.body).again === true;
    await drafts.sendOnce(tenantId, textOf(request.body, 'draftId'), again, (draft) =>
      sendEmail(clients, settings, tenantId, draft),
    );
    response.status(202).json({ status: 'accepted' });
  });

  router.delete('/:id', async (request, response) => {
    await drafts.remove(sessionOf(response).tenantId, request.params.id);
    response.json({});
  });
  return router;
}

function mailOf(body: unknown): Mail {
  return {
    to: emailOf(body, 'to'),
    subject: textOf(body, 'subject', MAX_SUBJECT),
    text: textOf(body, 'text', MAX_TEXT),
  };
}

/** As text, never as HTML: what a lead wrote is quoted in it. */
async function sendEmail(
  clients: Clients,
  settings: SettingsDocuments,
  tenantId: string,
  { to, subject, text }: Mail,
): Promise<void> {
  const { email_signature: signature } = await settings.read(tenantId);
  const signed = signature ? `${text}\n\n${signature}` : text;
  await clients.sendMail(tenantId, { to, subject, text: signed });
}
