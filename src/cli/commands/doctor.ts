import { stat } from 'node:fs/promises';
import { isVaultError, type Keyring, SecretsVault, verifyVault } from 'provider-vault';
import { engines } from '../../../package.json';
import { action, type DefineCommand } from '../action.ts';
import { type Check, fail, pass } from '../doctor/check.ts';
import { checkClients } from '../doctor/client.ts';
import { checkCode } from '../doctor/code.ts';
import { checkExisting, checkIndex, checkReachable } from '../doctor/database.ts';
import { checkEnvFiles, checkPermissions, keyFiles } from '../doctor/files.ts';
import { checkKeys } from '../doctor/keys.ts';
import { checkPlaintext } from '../doctor/plaintext.ts';
import { checkRecords } from '../doctor/records.ts';
import { checkTenantKeys } from '../doctor/tenant-keys.ts';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type KeyOptions, kmsName, type OpenKeys, withKeys } from '../open-keys.ts';
import { type OpenStore, type StoreOptions, withPlace } from '../open-store.ts';
import { withProgress } from '../operation.ts';
import {
  addSettingsOption,
  addStoreOptions,
  type CommonOptions,
  type SettingsOptions,
} from '../options.ts';
import { paint, printResult } from '../output.ts';

interface DoctorOptions extends CommonOptions, StoreOptions, KeyOptions, SettingsOptions {
  readonly code?: string;
}

const HELP = `
Exit code 0 when nothing failed, warnings or not; 1 when something failed. It writes nothing.

--code needs secretlint: npm install secretlint @secretlint/secretlint-rule-preset-recommend
`;

export const doctorCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('doctor')
    .description('check keys, store, records and files, and say what to do')
    .option(
      '--code <path>',
      'also look for secrets in the code of this folder and in its git history, and load a client',
    )
    .addHelpText('after', HELP);
  addSettingsOption(addStoreOptions(command)).action(
    action<DoctorOptions>(finish, async (options) => {
      const { code } = options;
      if (code !== undefined) await requireFolder(code);
      const { checks, ...keys } = checkKeys(process.env, kmsName(options) !== undefined);
      const all = [
        checkNode(),
        ...checks,
        ...(await checkPermissions(keyFiles(process.env))),
        ...(await checkEnvFiles(code ?? process.cwd(), code !== undefined)),
        ...(code === undefined ? [] : await checkCode(code)),
        ...(await checkStore(options, keys)),
      ];
      printResult(options, { checks: all }, () => all.flatMap(linesOf));
      return all.some(({ state }) => state === 'fail') ? EXIT.failed : EXIT.done;
    }),
  );
};

async function requireFolder(path: string): Promise<void> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new UsageError(`${path} is not a folder.`);
}

/** The keyring of the environment, unless it is wrong. */
interface CheckedKeys {
  readonly good: boolean;
  readonly keyring?: Keyring;
}

async function checkStore(options: DoctorOptions, keys: CheckedKeys): Promise<Check[]> {
  try {
    return await withPlace(options, (opened) => checkOpened(opened, options, keys));
  } catch (error) {
    if (!isVaultError(error) && !(error instanceof UsageError)) throw error;
    return [fail('store', error.message, 'Nothing more can be checked without it.')];
  }
}

async function checkOpened(
  opened: OpenStore,
  options: DoctorOptions,
  { good, keyring }: CheckedKeys,
): Promise<Check[]> {
  const reachable = await checkReachable(opened);
  if (reachable.state === 'fail') return [reachable];
  const missing = await checkExisting(opened);
  const permissions = await checkPermissions({ 'store file': opened.file });
  const found = [missing ?? reachable, ...permissions];
  if (missing === undefined) found.push(...(await checkIndex(opened)));
  if (!good) return found; // nothing can be opened
  try {
    const more = await withKeys(options, opened, keyring, (keys) =>
      checkContent(opened, missing === undefined, options, keys),
    );
    return [...found, ...more];
  } catch (error) {
    if (!isVaultError(error) && !(error instanceof UsageError)) throw error;
    const todo = 'Without the keys, no record can be opened.';
    return [...found, fail('keys', error.message, todo)];
  }
}

async function checkContent(
  opened: OpenStore,
  exists: boolean,
  { settings, code, json = false }: DoctorOptions,
  keys: OpenKeys,
): Promise<Check[]> {
  const vault = new SecretsVault({ store: opened.store, keys: keys.keys });
  const found = exists && keys.tenants ? await checkTenantKeys(keys.tenants, opened.store) : [];
  const canOpen = found.every(({ state }) => state !== 'fail');
  if (exists && canOpen) {
    const report = await withProgress('Opening records', json, (controls) =>
      verifyVault(vault, controls),
    );
    found.push(...checkRecords(report, keys));
    if (code !== undefined) found.push(...(await checkClients(vault, opened.store)));
  }
  return [...found, ...(await checkPlaintext(vault, opened, settings, json))];
}

function checkNode(): Check {
  const wanted = engines.node.replace('>=', '');
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  const good = major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
  return good
    ? pass('Node.js', `version ${process.versions.node}`)
    : fail('Node.js', `version ${process.versions.node}`, `Use ${wanted} or newer.`);
}

const STATE_STYLE = { pass: 'green', warn: 'yellow', fail: 'red' } as const;

function linesOf({ name, state, text, todo }: Check): string[] {
  const line = `${paint(STATE_STYLE[state], state)}  ${name}: ${text}`;
  return todo === undefined ? [line] : [line, `      ${paint('bold', '→')} ${todo}`];
}
