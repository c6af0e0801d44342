import {
  FileKeyStore,
  type KeyProvider,
  Keyring,
  type KeyStore,
  type KeyWrapper,
  MongoKeyStore,
  TenantKeys,
  VaultError,
} from 'provider-vault';
import { UsageError } from './errors.ts';
import { earlierLocalWrappers, openWrapper } from './kms.ts';
import { type OpenPostgres, type OpenStore, withPlace } from './open-store.ts';

/** Which keys seal and where they are kept, as the options of a command name it. */
export interface KeyOptions {
  readonly kms?: string;
  readonly previousKms?: readonly string[];
  readonly keyStore?: string;
  readonly keyCollection?: string;
  readonly seal?: string;
}

/** The keys of a vault. */
export interface OpenKeys {
  readonly keys: KeyProvider;
  /** What seals, in messages. */
  readonly sealer: string;
  /** Whether a rotation replaces the key of this id, or of this group of tenant keys. */
  isOld(keyId: string): boolean;
  /** Where tenants have keys of their own. */
  readonly tenants?: OpenTenantKeys;
}

export interface OpenTenantKeys {
  readonly keys: TenantKeys;
  /** The one that wraps, and those before it. */
  readonly wrappers: readonly [KeyWrapper, ...KeyWrapper[]];
  readonly place: KeyPlace;
}

/** Where the wrapped keys are. */
export interface KeyPlace {
  readonly keyStore: KeyStore;
  readonly name: string;
  /** @throws VaultError `ERR_STORE_FAILED` unless it exists */
  requireExisting(): Promise<void>;
  init(): Promise<void>;
}

const DEFAULT_COLLECTION = 'vault_keys';

/** The KMS key that the options or the environment name. */
export function kmsName({ kms }: KeyOptions): string | undefined {
  return kms || process.env.PROVIDER_VAULT_KMS || undefined;
}

/** The keyring of the environment; without a KMS there must be one. */
export function environmentKeyring(options: KeyOptions): Keyring | undefined {
  const { APP_ENCRYPTION_KEY, APP_ENCRYPTION_KEY_FILE } = process.env;
  if (kmsName(options) !== undefined) {
    return APP_ENCRYPTION_KEY || APP_ENCRYPTION_KEY_FILE ? Keyring.fromEnv() : undefined;
  }
  const { previousKms, keyStore, keyCollection, seal } = options;
  if ([previousKms, keyStore, keyCollection, seal].some((option) => option !== undefined)) {
    throw new UsageError('The options for keys of tenants need --kms, or PROVIDER_VAULT_KMS.');
  }
  return Keyring.fromEnv();
}

/**
 * The keys that the options name: the keyring, or keys of tenants, with the keyring for what was sealed
 * before.
 *
 * @param keyring - of {@link environmentKeyring}
 */
export async function withKeys<T>(
  options: KeyOptions,
  store: OpenStore,
  keyring: Keyring | undefined,
  use: (opened: OpenKeys) => Promise<T>,
): Promise<T> {
  const kms = kmsName(options);
  if (kms !== undefined) {
    return withKeyPlace(options, store, async (place) =>
      use(await openTenantKeys(options, kms, keyring, place)),
    );
  }
  const keys = keyring ?? Keyring.fromEnv();
  const old = keys.keyIds.slice(1);
  return use({ keys, sealer: `key ${keys.encryptionKeyId}`, isOld: (id) => old.includes(id) });
}

async function openTenantKeys(
  options: KeyOptions,
  kms: string,
  keyring: Keyring | undefined,
  place: KeyPlace,
): Promise<OpenKeys> {
  const seal = options.seal ?? 'tenant';
  if (seal !== 'tenant' && seal !== 'keyring') {
    throw new UsageError('--seal must be "tenant" or "keyring".');
  }
  const needed = () => keyring ?? Keyring.fromEnv(); // which says what to do
  const names = [...(options.previousKms ?? previousNames())];
  const wrapper = await openWrapper(kms, needed);
  const previous = await Promise.all(names.map((name) => openWrapper(name, needed)));
  if ([kms, ...names].includes('local')) previous.push(...(await earlierLocalWrappers(needed())));
  const keys = new TenantKeys({
    wrapper,
    previousWrappers: previous,
    store: place.keyStore,
    ...(seal === 'tenant' ? keyring && { keyring } : { keyring: needed(), seal }),
  });
  const ids = keyring?.keyIds ?? [];
  return {
    keys,
    tenants: { keys, wrappers: [wrapper, ...previous], place },
    ...(seal === 'tenant'
      ? { sealer: "the tenants' own keys", isOld: (id) => ids.includes(id) }
      : { sealer: `key ${ids[0]}`, isOld: (id) => id !== ids[0] && id !== 'none' }),
  };
}

/** Opens the place of the wrapped keys, beside the records unless the options name another. */
export async function withKeyPlace<T>(
  { keyStore = process.env.PROVIDER_VAULT_KEY_STORE, keyCollection }: KeyOptions,
  store: OpenStore,
  use: (place: KeyPlace) => Promise<T>,
): Promise<T> {
  const beside = (place: KeyPlace) => {
    if (place.name !== store.name) return use(place);
    throw new UsageError(`The wrapped keys cannot be among the records, in ${store.name}.`);
  };
  if (!keyStore && store.mongo !== undefined) {
    return beside(mongoPlace(store.mongo, keyCollection ?? DEFAULT_COLLECTION));
  }
  if (!keyStore && store.postgres !== undefined) {
    return beside(await postgresPlace(store.postgres, keyCollection ?? DEFAULT_COLLECTION));
  }
  const location = keyStore || `file:${store.file}.keys`;
  const isFile = location.startsWith('file:');
  const collection = isFile ? keyCollection : (keyCollection ?? DEFAULT_COLLECTION);
  return withPlace({ store: location, ...(collection && { collection }) }, async (opened) => {
    if (opened.mongo !== undefined) return use(mongoPlace(opened.mongo, opened.mongo.collection));
    if (opened.postgres !== undefined) {
      return use(await postgresPlace(opened.postgres, keyCollection ?? DEFAULT_COLLECTION));
    }
    const keys = new FileKeyStore(opened.file as string);
    const { requireExisting } = opened;
    return use({ keyStore: keys, name: opened.name, requireExisting, init: () => keys.init() });
  });
}

async function postgresPlace(
  { query, requireTable }: OpenPostgres,
  table: string,
): Promise<KeyPlace> {
  const { PostgresKeyStore } = await import('provider-vault/postgres');
  const keyStore = new PostgresKeyStore(query, { table });
  return {
    keyStore,
    name: `PostgreSQL table ${table}`,
    requireExisting: () => requireTable(table, () => keyStore.get('default'), NO_KEY_STORE),
    init: () => keyStore.init(),
  };
}

const NO_KEY_STORE = 'Check the name of the key store, or make it with `provider-vault init`.';

function mongoPlace(mongo: NonNullable<OpenStore['mongo']>, collection: string): KeyPlace {
  const keyStore = new MongoKeyStore(mongo.db, { collection });
  return {
    keyStore,
    name: `MongoDB ${mongo.db.databaseName}.${collection}`,
    requireExisting: () => mongo.requireCollection(collection, NO_KEY_STORE),
    init: async () => {
      await keyStore.init();
      await mongo.db.createCollection(collection).catch(({ code }) => {
        if (code === NAMESPACE_EXISTS) return;
        const what = `The collection "${collection}" could not be made (${code}).`;
        throw new VaultError('ERR_STORE_FAILED', what);
      });
    },
  };
}

const NAMESPACE_EXISTS = 48;

function previousNames(): readonly string[] {
  const { PROVIDER_VAULT_PREVIOUS_KMS: names = '' } = process.env;
  return names.split(/\s*,\s*/).filter((name) => name !== '');
}
