import { type Command, InvalidArgumentError } from 'commander';

/** What every command takes. @internal */
export interface CommonOptions {
  readonly json?: boolean;
}

/** @internal */
export function addStoreOptions(command: Command): Command {
  return command
    .option(
      '--store <location>',
      'MongoDB URI, or file:PATH (default: PROVIDER_VAULT_STORE, else MONGO_URL; a URI with a password belongs there, not into the process list)',
    )
    .option('--database <name>', 'MongoDB database (default: the one named in the URI)')
    .option('--collection <name>', 'MongoDB collection of the records (default: secrets)');
}

/** @internal */
export function addActorOption(command: Command): Command {
  return command.option('--actor <name>', 'who to record as the writer (default: the OS user)');
}

/** @internal */
export interface SettingsOptions {
  readonly settings: string;
}

/** @internal */
export function addSettingsOption(command: Command): Command {
  return command.option(
    '--settings <name>',
    'MongoDB collection with the plaintext settings of the old system',
    'settings',
  );
}

/** What the long operations take. @internal */
export interface LongRunOptions {
  readonly batchSize?: number;
  readonly concurrency?: number;
  readonly dryRun?: boolean;
}

/** @internal */
export function addLongRunOptions(command: Command): Command {
  return command
    .option('--batch-size <n>', 'records read and written at once (default: 100)', positiveInteger)
    .option('--concurrency <n>', 'batches under way at once (default: 4)', positiveInteger);
}

/** @internal */
export function addDryRunOption(command: Command): Command {
  return command.option('--dry-run', 'write nothing, and say what would be done');
}

/** For an option that may be given several times. @internal */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new InvalidArgumentError('It must be a positive integer.');
  return Number(text);
}
