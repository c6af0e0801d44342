import type { Request } from 'express';
import type { Logger } from 'pino';
import type { AuditAction, MongoAuditSink, SecretsVault } from 'provider-vault';
import {
  createSettingsHandler,
  nodeRequest,
  type SettingsHandlerOptions,
  toNodeListener,
} from 'provider-vault/settings';
import type { SdkTargets } from './clients.ts';
import type { CrmConfig } from './config.ts';
import { loggable } from './http/errors.ts';
import type { Session } from './http/sessions.ts';
import { offeredProviders } from './providers.ts';
import { UPKEEP } from './upkeep.ts';

export interface ProviderSettingsParts {
  readonly vault: SecretsVault;
  readonly audit: MongoAuditSink;
  readonly config: CrmConfig;
  readonly sdk: SdkTargets;
  readonly log: Logger;
}

/** The backend of `<provider-settings>`: the CRM only says who asks, and what that user may do. */
export function providerSettings({ vault, audit, config, sdk, log }: ProviderSettingsParts) {
  const { env } = config;
  const handle = createSettingsHandler({
    vault,
    providers: offeredProviders,
    basePath: '/api/provider-settings',
    identify: (request) => {
      const session: Session | undefined = nodeRequest<Request>(request)?.res?.locals.session;
      if (session === undefined) return undefined;
      const { tenantId, email, role } = session;
      const isAdmin = role === 'admin';
      return {
        tenantId,
        actor: email,
        may: { read: true, test: true, write: isAdmin, remove: isAdmin },
      };
    },
    activity: (tenantId) => recentActivity(audit, tenantId),
    webhooks: webhooksOf(config),
    connection: sdk,
    env,
    onError: (error) => log.error(loggable(error)),
  });
  return toNodeListener(handle);
}

// By action, each with a limit: what anybody can cause, as a forged webhook, or the timers of the CRM
// must not crowd out what a user did.
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
// Uses are counted per day: "used 250 times today". Above this it counts no further.
const LIMIT = 1_000;

async function recentActivity(audit: MongoAuditSink, tenantId: string) {
  const ofAction = (action: AuditAction) => audit.find({ tenantId, action, limit: LIMIT });
  const found = await Promise.all(SHOWN.map(ofAction));
  return found.flat().filter(({ actor }) => actor !== UPKEEP);
}

/** What a tenant enters at the provider, so that the provider reaches this backend. */
function webhooksOf({ publicUrl }: CrmConfig): NonNullable<SettingsHandlerOptions['webhooks']> {
  return (tenantId, provider) => {
    const tenant = encodeURIComponent(tenantId);
    if (provider === 'twilio') {
      return [
        { label: 'A message comes in', url: `${publicUrl}/webhooks/twilio/sms` },
        {
          label: 'Voice URL of the TwiML app',
          url: `${publicUrl}/webhooks/twilio/${tenant}/voice`,
        },
      ];
    }
    if (provider !== 'sendgrid') return [];
    return [{ label: 'Event webhook', url: `${publicUrl}/webhooks/sendgrid/${tenant}` }];
  };
}
