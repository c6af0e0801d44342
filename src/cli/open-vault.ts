import { userInfo } from 'node:os';
import { MongoAuditSink, SecretsVault } from 'provider-vault';
import { environmentKeyring, type KeyOptions, type OpenKeys, withKeys } from './open-keys.ts';
import { type OpenStore, type StoreOptions, withPlace, withStore } from './open-store.ts';

export interface VaultOptions extends StoreOptions, KeyOptions {
  readonly actor?: string;
  readonly auditCollection?: string;
}

/** The vault that a command works on. */
export interface OpenVault extends OpenStore, OpenKeys {
  readonly vault: SecretsVault;
  /** Recorded with every write and every reveal. */
  readonly actor: string;
}

interface VaultNeeds {
  /**
   * The command writes or reveals. Where the store is MongoDB, an operation whose audit event cannot
   * be kept in the same database is refused.
   */
  readonly audited: boolean;
  /** The command deals with a store that does not exist. @defaultValue `false` */
  readonly mayBeMissing?: boolean;
}

/**
 * Opens the vault of the named keys over the named store, calls `use`, and closes it. The keys of the
 * environment come first: without them no connection is made.
 */
export async function withVault<T>(
  options: VaultOptions,
  { audited, mayBeMissing = false }: VaultNeeds,
  use: (opened: OpenVault) => Promise<T>,
): Promise<T> {
  const keyring = environmentKeyring(options);
  const { actor = `cli:${userName()}` } = options;
  return (mayBeMissing ? withPlace : withStore)(options, async (opened) => {
    const sink = audited ? auditSink(opened, options) : undefined;
    const { auditCollection } = options;
    if (sink && auditCollection !== undefined) {
      const todo = 'Check --audit-collection, or make it with `provider-vault init`.';
      await opened.mongo?.requireCollection(auditCollection, todo);
    }
    const audit = sink && { sink, mode: 'strict' as const };
    const lookupKey = process.env.APP_LOOKUP_KEY;
    try {
      return await withKeys(options, opened, keyring, async (keys) => {
        if (!mayBeMissing) await keys.tenants?.place.requireExisting();
        const settings = {
          store: opened.store,
          keys: keys.keys,
          ...(audit && { audit }),
          ...(lookupKey && { lookupKey }),
        };
        return use({ ...opened, ...keys, vault: new SecretsVault(settings), actor });
      });
    } finally {
      await sink?.close();
    }
  });
}

/** The audit trail beside the records, where the store is MongoDB. */
export function auditSink(
  { mongo }: OpenStore,
  { auditCollection: collection }: Pick<VaultOptions, 'auditCollection'>,
): MongoAuditSink | undefined {
  return mongo && new MongoAuditSink(mongo.db, { ...(collection && { collection }) });
}

// A container's user may have a number and no name.
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
