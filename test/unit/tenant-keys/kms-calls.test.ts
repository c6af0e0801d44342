import { expect, it } from 'vitest';
import { tenantVault } from '../../support/tenant-keys.ts';

const TENANTS = Array.from({ length: 1000 }, (_, n) => `tenant-${n}`);

it('asks the KMS once for each tenant, for 1,000 tenants', { timeout: 300_000 }, async () => {
  const { vault, kms, open } = tenantVault();
  const during = async (work: () => Promise<unknown>) => {
    const before = kms.total;
    await work();
    return kms.total - before;
  };
  const forAll = (work: (tenant: string) => Promise<unknown>) => () =>
    Promise.all(TENANTS.map(work));

  const first = forAll((tenant) => vault.put(tenant, 'p0', { of: tenant }));
  expect(await during(first)).toBe(1000);
  const more = Array.from({ length: 10 }, (_, n) => `p${n + 1}`);
  const others = forAll((tenant) =>
    Promise.all(more.map((provider) => vault.put(tenant, provider, { of: tenant }))),
  );
  expect(await during(others)).toBe(0);

  const { vault: cold } = open();
  const callers = Array.from({ length: 8 }, (_, n) => `p${n}`);
  const reads = forAll((tenant) =>
    Promise.all(callers.map((provider) => cold.require(tenant, provider))),
  );
  expect(await during(reads)).toBe(1000);
  const warm = async () => {
    for (let n = 0; n < 100; n++) await forAll((tenant) => cold.require(tenant, `p${n % 11}`))();
  };
  expect(await during(warm)).toBe(0);
});
