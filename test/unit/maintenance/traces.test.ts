import {
  eraseTenant,
  reindexLookup,
  renewKeys,
  rotateKeys,
  type SecretsVault,
  verifyVault,
} from 'provider-vault';
import { expect, it } from 'vitest';
import { memoryVault } from '../../support/fixtures.ts';
import { tenantVault } from '../../support/tenant-keys.ts';
import { ended } from '../../support/traces.ts';

it.each<[string, (vault: SecretsVault) => Promise<unknown>]>([
  ['rotateKeys', (vault) => rotateKeys(vault)],
  ['verifyVault', (vault) => verifyVault(vault)],
  ['renewKeys', (vault) => renewKeys(vault)],
  ['eraseTenant', (vault) => eraseTenant(vault, 'acme')],
])('%s is one operation on its tracing channel', async (operation, run) => {
  const { vault } = tenantVault();
  await vault.put('acme', 'custom', { a: 'b' });
  const traces = (await ended(() => run(vault))).filter((trace) => trace.operation === operation);
  expect(traces).toHaveLength(1);
  expect(traces[0]?.tenantId).toBe(operation === 'eraseTenant' ? 'acme' : undefined);
});

it('reindexLookup is one operation on its tracing channel', async () => {
  const { vault } = memoryVault();
  expect(await ended(() => reindexLookup(vault))).toMatchObject([{ operation: 'reindexLookup' }]);
});
