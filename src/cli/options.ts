import { type Command, InvalidArgumentError } from 'commander';
import type { OperationPart, ScanRange } from 'provider-vault';
import { parseRange } from './ranges.ts';

/** The options of every command. */
export interface CommonOptions {
  readonly json?: boolean;
}

export function addStoreOptions(command: Command): Command {
  return command
    .option(
      '--store <location>',
      'URI of MongoDB or PostgreSQL, or file:PATH (default: PROVIDER_VAULT_STORE, else MONGO_URL; a URI with a password belongs there, not into the process list)',
    )
    .option('--database <name>', 'MongoDB database (default: the one named in the URI)')
    .option(
      '--collection <name>',
      'MongoDB collection, or PostgreSQL table, of the records (default: secrets)',
    )
    .option(
      '--kms <name>',
      "the KMS key that wraps the tenants' keys: aws:KEY_ID, vault:URL/KEY, gcp:NAME, azure:KEY_URL or local (default: PROVIDER_VAULT_KMS; without one, APP_ENCRYPTION_KEY seals)",
    )
    .option(
      '--previous-kms <name>',
      'a KMS key that wrapped before; may be given several times (default: PROVIDER_VAULT_PREVIOUS_KMS, comma-separated)',
      collect,
    )
    .option(
      '--key-store <location>',
      'where the wrapped keys are: URI of MongoDB or PostgreSQL, or file:PATH (default: PROVIDER_VAULT_KEY_STORE, else beside the records)',
    )
    .option(
      '--key-collection <name>',
      'MongoDB collection, or PostgreSQL table, of the wrapped keys (default: vault_keys)',
    )
    .option('--seal <keys>', 'what seals with --kms: tenant, or keyring (default: tenant)');
}

export function addAuditOptions(command: Command): Command {
  return addAuditCollectionOption(command).option(
    '--actor <name>',
    'who to record in the audit trail and as the writer (default: cli:USER)',
  );
}

export function addAuditCollectionOption(command: Command): Command {
  return command.option(
    '--audit-collection <name>',
    'MongoDB collection of the audit trail (default: secrets_audit)',
  );
}

export interface SettingsOptions {
  /** `undefined`: the usual name, which need not exist everywhere. */
  readonly settings?: string;
}

/** Where the old system keeps its settings. */
export const DEFAULT_SETTINGS = 'settings';

export function addSettingsOption(command: Command): Command {
  return command.option(
    '--settings <name>',
    `MongoDB collection with the plaintext settings of the old system (default: ${DEFAULT_SETTINGS})`,
  );
}

/** The options of the long operations. */
export interface LongRunOptions extends CommonOptions {
  readonly batchSize?: number;
  readonly concurrency?: number;
  readonly maxPerSecond?: number;
  readonly part?: OperationPart;
  readonly range?: ScanRange;
  readonly after?: string;
  readonly expectRecords?: number;
  readonly problemsFile?: string;
}

export interface DryRunOption {
  readonly dryRun?: boolean;
}

export function addLongRunOptions(command: Command): Command {
  return command
    .option('--batch-size <n>', 'records read and written at once (default: 100)', positiveInteger)
    .option('--concurrency <n>', 'batches under way at once (default: 4)', positiveInteger)
    .option('--max-per-second <n>', 'records per second, at most: an even pace', positiveNumber)
    .option('--part <i/n>', 'only share i of n, from 1/n to n/n, so that n machines share it', part)
    .option('--range <range>', 'only this range, one of those that `split` prints', range)
    .option('--after <token>', 'go on where an interrupted run has stopped')
    .option(
      '--expect-records <n>',
      'fail unless the run goes through so many records at least: a wrong database has fewer',
      positiveInteger,
    )
    .option(
      '--problems-file <path>',
      'write every problem to this new file, one JSON object per line; the report lists the first 1,000. With --after it may exist, and is added to',
    );
}

export function addDryRunOption(command: Command): Command {
  return command.option('--dry-run', 'write nothing, and say what would be done');
}

/** For an option that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new InvalidArgumentError('It must be a positive integer.');
  }
  return Number(text);
}

function positiveNumber(text: string): number {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text) || Number(text) === 0) {
    throw new InvalidArgumentError('It must be a positive number.');
  }
  return Number(text);
}

function range(text: string): ScanRange {
  const parsed = parseRange(text);
  if (parsed === undefined) throw new InvalidArgumentError('It must be one that `split` prints.');
  return parsed;
}

function part(text: string): OperationPart {
  const [, share = 0, of = 0] = (/^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? []).map(Number);
  if (share < 1 || share > of) throw new InvalidArgumentError('It must be 1/3, 2/3 or 3/3.');
  return { index: share - 1, of };
}
