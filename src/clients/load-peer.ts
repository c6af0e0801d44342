import { VaultError } from '../errors.ts';

/**
 * An optional peer package, loaded when it is first needed.
 *
 * @param load - the `import()` itself, so that bundlers see the literal name
 * @throws VaultError `ERR_PEER_MISSING` when it is not installed
 * @internal
 */
export async function loadPeer<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new VaultError(
      'ERR_PEER_MISSING',
      `The package "${name}" could not be loaded. Install it beside provider-vault: npm install ${name}`,
      { cause: error },
    );
  }
}
