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
  return new VaultError(
    'ERR_PEER_MISSING',
    `The package "${name}" is not installed. Install it beside provider-vault: npm install ${name}`,
    { cause: error },
  );
}
