import type { ProviderStatus } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { EXIT } from '../exit-codes.ts';
import { type OpenVault, type VaultOptions, withVault } from '../open-vault.ts';
import { addStoreOptions, type CommonOptions } from '../options.ts';
import { count, paint, printResult, table } from '../output.ts';
import { type Summary, summarize } from '../summary.ts';

interface StatusOptions extends CommonOptions, VaultOptions {}

/** @internal */
export const statusCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('status')
    .description('what is configured; without a tenant, what the store holds')
    .argument('[tenant]')
    .argument('[provider]');
  addStoreOptions(command).action(
    action<StatusOptions>(finish, async (options, tenantId, provider) =>
      withVault(options, async (opened) => {
        if (tenantId === undefined) {
          const current = opened.keys.encryptionKeyId;
          const summary = await summarize(opened.store);
          printResult(options, { ...summary, currentKeyId: current }, () =>
            linesOfStore(summary, opened),
          );
          return EXIT.done;
        }
        const { vault } = opened;
        const providers =
          provider === undefined
            ? await vault.status(tenantId)
            : [await vault.status(tenantId, provider)];
        printResult(options, { tenantId, providers }, () => linesOfTenant(providers));
        return providers.some(({ state }) => state === 'unreadable') ? EXIT.failed : EXIT.done;
      }),
    ),
  );
};

function linesOfStore(
  { records, tenants, providers, keys }: Summary,
  { name, keys: { encryptionKeyId, keyIds } }: OpenVault,
): string[] {
  const role = (keyId: string) => {
    if (keyId === '') return 'of the old system: no key is named';
    if (keyId === encryptionKeyId) return 'the current key';
    return keyIds.includes(keyId) ? 'opens only' : paint('red', 'not configured');
  };
  return [
    `${name}: ${count(records, 'record')} of ${count(tenants, 'tenant')}`,
    ...table(
      Object.entries(providers).map(([name, n]) => ['', 'provider', name, count(n, 'record')]),
    ),
    ...table(
      Object.entries(keys).map(([id, use]) => [
        '',
        'key',
        id || '-',
        count(use.records, 'record'),
        role(id),
      ]),
    ),
  ];
}

const STATE_STYLE = {
  configured: 'green',
  overridden: 'yellow',
  incomplete: 'yellow',
  unreadable: 'red',
  missing: 'dim',
} as const;

function linesOfTenant(providers: readonly ProviderStatus[]): string[] {
  // Padded before it is coloured: escape sequences would count as characters.
  const width = Math.max(...providers.map(({ provider }) => provider.length));
  return providers.map(({ provider, state, rev, keyId, missing, bound, detail }) => {
    const facts = [
      ...(rev > 0 ? [`revision ${rev}, key ${keyId}`] : []),
      ...(bound === false ? ['unbound: run `provider-vault rotate`'] : []),
      ...(state === 'incomplete' && missing.length > 0 ? [`missing: ${missing.join(', ')}`] : []),
      ...(detail === undefined ? [] : [detail]),
    ];
    const line = `${provider.padEnd(width)}  ${paint(STATE_STYLE[state], state.padEnd(10))}  ${facts.join('; ')}`;
    return line.trimEnd();
  });
}
