import type { SecretStore } from 'provider-vault';

/** What is in a store, without opening anything. @internal */
export interface Summary {
  readonly records: number;
  readonly tenants: number;
  readonly providers: Readonly<Record<string, number>>;
  /** By the id of the sealing key. Records of the old system name none: they are under `""`. */
  readonly keys: Readonly<Record<string, KeyUse>>;
}

/** @internal */
export interface KeyUse {
  readonly records: number;
  /** Sum of the revisions: about how often the key has sealed [K5]. */
  readonly seals: number;
}

/** @internal */
export async function summarize(store: SecretStore): Promise<Summary> {
  const providers = new Map<string, number>();
  const keys = new Map<string, { records: number; seals: number }>();
  let records = 0;
  let tenants = 0;
  let lastTenant: string | undefined;
  for await (const batch of store.scan({ batchSize: 1000 })) {
    for (const { tenantId, provider, metadata } of batch) {
      records += 1;
      if (tenantId !== lastTenant) tenants += 1; // a scan is ordered by tenant
      lastTenant = tenantId;
      providers.set(provider, (providers.get(provider) ?? 0) + 1);
      const keyId = typeof metadata?.keyId === 'string' ? metadata.keyId : '';
      const use = keys.get(keyId) ?? { records: 0, seals: 0 };
      use.records += 1;
      use.seals += typeof metadata?.rev === 'number' ? metadata.rev : 0;
      keys.set(keyId, use);
    }
  }
  return {
    records,
    tenants,
    providers: Object.fromEntries(providers),
    keys: Object.fromEntries(keys),
  };
}
