import { type Request, type Response, Router } from 'express';
import type { MongoAuditSink, SecretsVault } from 'provider-vault';
import { recentActivity } from '../activity.ts';
import type { Clients } from '../clients.ts';
import type { CrmConfig } from '../config.ts';
import type { Notices } from '../data/notices.ts';
import type { SettingsDocuments } from '../data/settings.ts';
import { HttpError, notFound } from '../http/http-error.ts';
import { objectOf, textOf } from '../http/input.ts';
import { limitTenant } from '../http/security.ts';
import { sessionOf } from '../http/sessions.ts';
import { shownProvider } from '../provider-form.ts';
import { type OfferedProvider, offeredProviders } from '../providers.ts';

export interface SettingsParts {
  readonly vault: SecretsVault;
  readonly audit: MongoAuditSink;
  readonly notices: Notices;
  readonly settings: SettingsDocuments;
  readonly clients: Clients;
  readonly config: CrmConfig;
}

const TESTS_PER_MINUTE = 10;

export function settingsRoutes(parts: SettingsParts): Router {
  const { vault, audit, notices, settings, clients, config } = parts;
  const router = Router();
  const { env, mailboxes } = config;
  const providers = [...offeredProviders, ...mailboxes];

  /** Settings as they are, credentials as masks [L4]. */
  async function show(_request: Request, response: Response): Promise<void> {
    const { tenantId, email } = sessionOf(response);
    const statuses = await vault.status(tenantId, undefined, { actor: email, env });
    const shown = providers.flatMap((offered) => {
      const status = statuses.find(({ provider }) => provider === offered.definition.name);
      return status ? [shownProvider(offered, status)] : [];
    });
    response.json({ settings: await settings.read(tenantId), providers: shown });
  }

  router.get('/', show);

  // { settings: { company_name }, providers: { twilio: { etag, fields: { authToken } } } }
  router.post('/', async (request, response) => {
    const { tenantId, email } = sessionOf(response);
    const body = objectOf(request.body);
    const changes = Object.entries(objectOf(body.providers)).map(([name, value]) => {
      const { etag, fields } = objectOf(value);
      const { definition } = offered(name, offeredProviders); // a mailbox has no form
      // Without the etag that the page was drawn from, a stale page would overwrite a newer save.
      if (typeof etag !== 'string' && etag !== null) {
        throw new HttpError(
          428,
          'INVALID',
          `Send the etag of ${name}, or null if nothing is stored.`,
        );
      }
      return { definition, ifMatch: etag, form: objectOf(fields) as Record<string, string | null> };
    });
    // Every field is checked before anything is saved.
    for (const { definition, form } of changes) {
      const errors = vault.checkForm(definition, form);
      if (Object.keys(errors).length > 0) {
        throw new HttpError(400, 'ERR_INVALID_ARGUMENT', 'Some fields need another look.', errors);
      }
    }
    await settings.update(tenantId, body.settings);
    for (const { definition, ifMatch, form } of changes) {
      // A mask and an empty field leave the stored value. Of two people who save at the same time,
      // the second gets a conflict; the first save is kept.
      await vault.applyForm(tenantId, definition, form, { actor: email, env, ifMatch });
    }
    await show(request, response);
  });

  router.delete('/:provider', async (request, response) => {
    const { tenantId, email } = sessionOf(response);
    await vault.delete(tenantId, offered(request.params.provider, providers).definition, {
      actor: email,
    });
    await show(request, response);
  });

  router.post('/test', limitTenant(TESTS_PER_MINUTE), async (request, response) => {
    const { tenantId } = sessionOf(response);
    const { definition, testable } = offered(textOf(request.body, 'provider'), providers);
    if (!testable) throw new HttpError(400, 'INVALID', 'There is no test for this provider.');
    response.json(await clients.test(tenantId, definition.name));
  });

  router.get('/activity', async (_request, response) => {
    const { tenantId } = sessionOf(response);
    response.json({ events: await recentActivity({ audit, notices, providers }, tenantId) });
  });

  return router;
}

function offered(name: string, among: readonly OfferedProvider[]): OfferedProvider {
  const found = among.find(({ definition }) => definition.name === name);
  if (found === undefined) throw notFound('provider');
  return found;
}
