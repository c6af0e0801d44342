import { isVaultError, Keyring, type ProviderStatus } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { withStore } from '../open-store.ts';
import { type VaultOptions, withVault } from '../open-vault.ts';
import { addStoreOptions, type CommonOptions } from '../options.ts';
import { count, paint, printResult, table } from '../output.ts';
import { summarize } from '../summary.ts';

interface StatusOptions extends CommonOptions, VaultOptions {}

export const statusCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('status')
    .description('what is configured; without a tenant, what the store holds')
    .argument('[tenant]')
    .argument('[provider]');
  addStoreOptions(command).action(
    action<StatusOptions>(finish, (options, tenantId, provider) =>
      tenantId === undefined ? statusOfStore(options) : statusOfTenant(options, tenantId, provider),
    ),
  );
};

async function statusOfStore(options: StatusOptions): Promise<ExitCode> {
  const keys = configuredKeys();
  await withStore(options, async ({ store, name }) => {
    const summary = await summarize(store);
    const keyIds = keys?.keyIds ?? [];
    printResult(options, { ...summary, configuredKeyIds: keyIds }, () => [
      `${name}: ${count(summary.records, 'record')} of ${count(summary.tenants, 'tenant')}`,
      ...rowsOf('provider', summary.providers, () => ''),
      ...rowsOf('key', summary.keys, (keyId) => roleOf(keyId, keyIds)),
    ]);
  });
  return EXIT.done;
}

// No key is needed to say what the store holds: it is the first thing to look at when a key is lost.
function configuredKeys(): Keyring | undefined {
  try {
    return Keyring.fromEnv();
  } catch (error) {
    if (isVaultError(error)) return undefined;
    throw error;
  }
}

function roleOf(keyId: string, keyIds: readonly string[]): string {
  if (keyId === 'none') return 'records of the old system name no key';
  if (/^t\d+$/.test(keyId)) return "tenants' own keys";
  if (keyId === keyIds[0]) return 'the current key';
  return keyIds.includes(keyId) ? 'opens only' : 'not configured';
}

function rowsOf(
  what: string,
  counts: Readonly<Record<string, number>>,
  remark: (name: string) => string,
): string[] {
  const rows = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return table(rows.map(([name, n]) => ['', what, name, count(n, 'record'), remark(name)]));
}

async function statusOfTenant(
  options: StatusOptions,
  tenantId: string,
  provider: string | undefined,
): Promise<ExitCode> {
  const providers = await withVault(options, { audited: false }, async ({ vault }) =>
    provider === undefined ? vault.status(tenantId) : [await vault.status(tenantId, provider)],
  );
  printResult(options, { tenantId, providers }, () => linesOfTenant(providers));
  return providers.some(({ state }) => state === 'unreadable') ? EXIT.failed : EXIT.done;
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
  return providers.map(({ provider, state, rev, etag, keyId, missing, bound, detail }) => {
    const facts = [
      ...(etag === null ? [] : [`revision ${rev}, key ${keyId ?? 'not named'}, etag ${etag}`]),
      ...(bound === false ? ['unbound: run `provider-vault rotate`'] : []),
      ...(state === 'incomplete' && missing.length > 0 ? [`missing: ${missing.join(', ')}`] : []),
      ...(detail === undefined ? [] : [detail]),
    ];
    const line = `${provider.padEnd(width)}  ${paint(STATE_STYLE[state], state.padEnd(10))}  ${facts.join('; ')}`;
    return line.trimEnd();
  });
}
