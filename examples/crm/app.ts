import { fileURLToPath } from 'node:url';
import cookieParser from 'cookie-parser';
import express, { type Express, json, type RequestHandler } from 'express';
import type { Db } from 'mongodb';
import type { Logger } from 'pino';
import type { MongoAuditSink, SecretsVault } from 'provider-vault';
import { clientsOf, type SdkTargets } from './clients.ts';
import type { CrmConfig } from './config.ts';
import { EmailDrafts } from './data/email-drafts.ts';
import { Leads } from './data/leads.ts';
import { Notices } from './data/notices.ts';
import { SettingsDocuments } from './data/settings.ts';
import { Users } from './data/users.ts';
import { elementScript } from './element.ts';
import { errorHandler } from './http/errors.ts';
import { notFound } from './http/http-error.ts';
import { requestLog } from './http/request-log.ts';
import { csrf, limitRefused, noStore, securityHeaders } from './http/security.ts';
import { requireAccount, requireSession, Sessions } from './http/sessions.ts';
import { providerSettings } from './provider-settings.ts';
import { connectRoutes } from './routes/connect.ts';
import { emailDraftRoutes, emailRoutes } from './routes/email.ts';
import { inboundWebhooks } from './routes/inbound.ts';
import { leadRoutes } from './routes/leads.ts';
import { sessionRoutes } from './routes/session.ts';
import { settingsRoutes } from './routes/settings.ts';
import { twilioRoutes } from './routes/twilio.ts';
import { answerInTwiml, voiceWebhooks } from './routes/voice.ts';

export interface CrmParts {
  readonly db: Db;
  readonly vault: SecretsVault;
  readonly audit: MongoAuditSink;
  readonly config: CrmConfig;
  readonly log: Logger;
  readonly sdk?: SdkTargets;
  /** Pages and requests of a demo around it. */
  readonly demo?: RequestHandler;
}

export const PUBLIC_FOLDER = fileURLToPath(new URL('public', import.meta.url));
const MAX_BODY = '32kb';

/** The whole backend; the order of the lines is the order in which a request meets them. */
export async function createApp(parts: CrmParts): Promise<Express> {
  const { db, vault, audit, config, log, sdk = {}, demo } = parts;
  const clients = clientsOf(vault, config, sdk);
  const sessions = new Sessions(db, config.publicUrl);
  const users = new Users(db);
  const leads = new Leads(db);
  const settings = new SettingsDocuments(db);
  const notices = new Notices(db);
  const drafts = new EmailDrafts(db);
  const { doubleCsrfProtection, generateCsrfToken } = csrf(config, sessions);
  await sessions.init();

  const app = express();
  app.set('trust proxy', config.trustedProxies);
  app.use(requestLog(log));
  app.use(securityHeaders(config));

  // Providers send no cookie and no CSRF token: their signatures are checked instead.
  app.use('/webhooks', limitRefused(), inboundWebhooks({ vault, leads, config }));
  app.use('/webhooks/twilio', voiceWebhooks({ vault, clients, leads, config }));
  app.use('/webhooks/twilio', answerInTwiml(log));

  if (demo) app.use(demo);
  app.get('/provider-settings.js', await elementScript());
  app.use(express.static(PUBLIC_FOLDER));

  app.use('/api', noStore, cookieParser(), sessions.read());
  app.use(
    '/api/session',
    json({ limit: MAX_BODY }),
    doubleCsrfProtection,
    sessionRoutes(users, sessions, generateCsrfToken),
  );

  app.use('/api', requireSession, requireAccount, doubleCsrfProtection);
  app.use('/api/provider-settings', providerSettings({ vault, audit, config, sdk, log }));
  app.use('/api', json({ limit: MAX_BODY }));
  app.use('/api/settings', settingsRoutes({ notices, settings, config }));
  app.use('/api/connect', connectRoutes({ vault, sessions, config, log }));
  app.use('/api/leads', leadRoutes(leads));
  app.use('/api/twilio', twilioRoutes({ vault, clients, leads, config }));
  app.use('/api/email', emailRoutes({ clients, settings }));
  app.use('/api/email-drafts', emailDraftRoutes({ clients, drafts, settings }));

  app.use((_request, _response, next) => next(notFound('page')));
  app.use(errorHandler(log));
  return app;
}
