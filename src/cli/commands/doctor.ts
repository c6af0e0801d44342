import { isVaultError, type Keyring, SecretsVault, verifyVault } from 'provider-vault';
import { engines } from '../../../package.json';
import { action, type DefineCommand } from '../action.ts';
import { type Check, fail, pass } from '../doctor/check.ts';
import { checkIndex, checkReachable } from '../doctor/database.ts';
import { checkEnvFiles, checkPermissions, keyFiles } from '../doctor/files.ts';
import { checkKeys } from '../doctor/keys.ts';
import { checkPlaintext } from '../doctor/plaintext.ts';
import { checkRecords } from '../doctor/records.ts';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type OpenStore, type StoreOptions, withStore } from '../open-store.ts';
import {
  addSettingsOption,
  addStoreOptions,
  type CommonOptions,
  type SettingsOptions,
} from '../options.ts';
import { paint, printResult } from '../output.ts';
import { longRun } from '../progress.ts';

interface DoctorOptions extends CommonOptions, StoreOptions, SettingsOptions {}

const HELP = `
Exit code 0 when nothing failed, warnings or not; 1 when something failed. It writes nothing.
`;

/** @internal */
export const doctorCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('doctor')
    .description('check keys, store, records and files, and say what to do')
    .addHelpText('after', HELP);
  addSettingsOption(addStoreOptions(command)).action(
    action<DoctorOptions>(finish, async (options) => {
      const { checks, keys } = checkKeys(process.env);
      const all = [
        checkNode(),
        ...checks,
        ...(await checkPermissions(keyFiles(process.env))),
        ...(await checkEnvFiles(process.cwd())),
        ...(await checkStore(options, keys)),
      ];
      printResult(options, { checks: all }, () => all.flatMap(linesOf));
      return all.some(({ state }) => state === 'fail') ? EXIT.failed : EXIT.done;
    }),
  );
};

async function checkStore(options: DoctorOptions, keys: Keyring | undefined): Promise<Check[]> {
  try {
    return await withStore(options, (opened) => checkOpened(opened, options, keys));
  } catch (error) {
    if (!isVaultError(error) && !(error instanceof UsageError)) throw error;
    return [fail('store', error.message, 'Without it nothing more can be checked.')];
  }
}

async function checkOpened(
  opened: OpenStore,
  { settings }: DoctorOptions,
  keys: Keyring | undefined,
): Promise<Check[]> {
  const reachable = await checkReachable(opened);
  if (reachable.state === 'fail') return [reachable];
  const found = [
    reachable,
    ...(await checkPermissions({ 'store file': opened.file })),
    ...(await checkIndex(opened)),
  ];
  if (keys === undefined) return found; // nothing can be opened
  const vault = new SecretsVault({ store: opened.store, keys });
  const report = await longRun('Opening records', (controls) => verifyVault(vault, controls));
  return [
    ...found,
    ...checkRecords(report, keys),
    ...(await checkPlaintext(vault, opened, settings)),
  ];
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
