import { Router } from 'express';
import type { CrmConfig } from '../config.ts';
import type { Notices } from '../data/notices.ts';
import type { SettingsDocuments } from '../data/settings.ts';
import { healthText } from '../health.ts';
import { sessionOf } from '../http/sessions.ts';
import { offeredProviders } from '../providers.ts';

export interface SettingsParts {
  readonly notices: Notices;
  readonly settings: SettingsDocuments;
  readonly config: CrmConfig;
}

const MAX_NOTICES = 10;

/** Settings that are not credentials, and what the tenant was told of its credentials. */
export function settingsRoutes({ notices, settings, config }: SettingsParts): Router {
  const router = Router();

  const titleOf = (name: string) =>
    offeredProviders.find((provider) => provider.name === name)?.label ??
    config.mailboxes.find(({ definition }) => definition.name === name)?.title ??
    name;

  router.get('/', async (_request, response) => {
    const { tenantId } = sessionOf(response);
    const told = await notices.list(tenantId, MAX_NOTICES);
    response.json({
      settings: await settings.read(tenantId),
      notices: told.map((notice) => ({
        at: notice.at,
        ok: notice.state === 'ok',
        text: healthText(titleOf(notice.provider), notice),
      })),
    });
  });

  // { company_name?, email_signature? }
  router.post('/', async (request, response) => {
    const { tenantId } = sessionOf(response);
    await settings.update(tenantId, request.body);
    response.json({ settings: await settings.read(tenantId) });
  });

  return router;
}
