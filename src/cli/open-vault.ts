import { userInfo } from 'node:os';
import { Keyring, SecretsVault } from 'provider-vault';
import { type OpenStore, type StoreOptions, withStore } from './open-store.ts';

/** @internal */
export interface VaultOptions extends StoreOptions {
  readonly actor?: string;
}

/** A vault that a command works on. @internal */
export interface OpenVault extends OpenStore {
  readonly vault: SecretsVault;
  readonly keys: Keyring;
  /** Recorded with every write. */
  readonly actor: string;
}

/**
 * Opens the vault of the environment's keys over the named store, gives it to `use`, and closes
 * it. The keys come first: without them no connection is made.
 *
 * @internal
 */
export async function withVault<T>(
  options: VaultOptions,
  use: (opened: OpenVault) => Promise<T>,
): Promise<T> {
  const keys = Keyring.fromEnv();
  const { actor = userName() } = options;
  return withStore(options, (opened) => {
    const vault = new SecretsVault({ store: opened.store, keys });
    return use({ ...opened, vault, keys, actor });
  });
}

// A container's user may have a number and no name.
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
