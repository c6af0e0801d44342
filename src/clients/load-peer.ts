import { VaultError } from '../errors.ts';

/**
 * The error for an optional peer that did not load. Import it directly inside `try`, so that bundlers
 * see that it may be missing.
 *
 * @returns `ERR_PEER_MISSING` where exactly that package is not installed; otherwise `error` itself:
 * the package is there, and does not work
 * @internal
 */
export function peerError(name: string, error: unknown): unknown {
  const { code, message = '' } = (error ?? {}) as { code?: unknown; message?: string };
  const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  const [firstLine = ''] = message.split('\n');
  if (!isMissing || !new RegExp(`['"]${name}['"]`).test(firstLine)) return error;
  return missingPeer(name, { cause: error });
}

/**
 * What an optional peer exports. Bundlers such as Next's webpack put an empty module in the place of a
 * peer that is not installed when they run: then there is nothing to import, and no error.
 *
 * @throws VaultError `ERR_PEER_MISSING`
 * @internal
 */
export function peerContent<T extends object>(name: string, content: T): T {
  if (Object.keys(content).length === 0) throw missingPeer(name);
  return content;
}

function missingPeer(name: string, options?: ErrorOptions): VaultError {
  return new VaultError(
    'ERR_PEER_MISSING',
    `The package "${name}" is not installed. Install it beside provider-vault: npm install ${name}`,
    options,
  );
}
