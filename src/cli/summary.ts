import type { SecretStore } from 'provider-vault';

/** What a store holds, known without opening a record. */
export interface Summary {
  readonly records: number;
  readonly tenants: number;
  readonly providers: Readonly<Record<string, number>>;
  /**
   * By the id of the sealing key: `t<n>` for all tenant keys of that number, `none` for records of the
   * old system, which name none.
   */
  readonly keys: Readonly<Record<string, number>>;
}

export async function summarize(store: SecretStore): Promise<Summary> {
  const providers = new Map<string, number>();
  const keys = new Map<string, number>();
  let records = 0;
  let tenants = 0;
  let lastTenant: string | undefined;
  for await (const batch of store.scan({ batchSize: 1000 })) {
    for (const { tenantId, provider, metadata } of batch) {
      if (provider.startsWith('$')) continue; // reserved [R8]
      records += 1;
      if (tenantId !== lastTenant) tenants += 1; // a scan is ordered by tenant
      lastTenant = tenantId;
      providers.set(provider, (providers.get(provider) ?? 0) + 1);
      const named = typeof metadata?.keyId === 'string' ? metadata.keyId : 'none';
      const keyId = named.replace(/^(t[1-9]\d*)-[0-9a-f]{8}$/, '$1');
      keys.set(keyId, (keys.get(keyId) ?? 0) + 1);
    }
  }
  return {
    records,
    tenants,
    providers: Object.fromEntries(providers),
    keys: Object.fromEntries(keys),
  };
}
