import { getTwilioClient, type SecretsVault, type TwilioClientOptions } from 'provider-vault';
import type { CrmConfig } from './config.ts';

/** Where the SDKs send to. Empty in production; a demo and tests name stand-ins. */
export interface SdkTargets {
  readonly twilio?: NonNullable<TwilioClientOptions['client']>;
}

/** The official SDK clients of a tenant. Ask for one each time: the library keeps what is valid. */
export function clientsOf(vault: SecretsVault, { env }: CrmConfig, sdk: SdkTargets = {}) {
  return {
    twilio: (tenantId: string) =>
      getTwilioClient(vault, { tenantId, env, ...(sdk.twilio && { client: sdk.twilio }) }),
  };
}

export type Clients = ReturnType<typeof clientsOf>;
