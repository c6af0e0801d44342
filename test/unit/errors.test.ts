import { fileURLToPath } from 'node:url';
import * as library from 'provider-vault';
import { isVaultError, ProviderError, VaultError } from 'provider-vault';
import { describe, expect, it, vi } from 'vitest';

const errorsFile = fileURLToPath(new URL('../../src/errors.ts', import.meta.url));

/** The classes of a second copy of this package, as of a bundle beside the CommonJS build. */
async function otherCopy(): Promise<typeof import('../../src/errors.ts')> {
  vi.resetModules();
  return import(errorsFile);
}

describe('errors of another copy of the package', () => {
  it('are instances of this copy’s classes', async () => {
    const other = await otherCopy();
    expect(other.VaultError).not.toBe(library.VaultError);
    const conflict = new other.VaultError('ERR_CONFLICT', 'x');
    const refused = new other.ProviderError('twilio', 'x', { status: 401 });
    expect(conflict instanceof VaultError).toBe(true);
    expect(refused instanceof VaultError).toBe(true);
    expect(refused instanceof ProviderError).toBe(true);
    expect(conflict instanceof ProviderError).toBe(false);
    expect(isVaultError(conflict, 'ERR_CONFLICT')).toBe(true);
    expect(isVaultError(refused, 'ERR_PROVIDER')).toBe(true);
  });

  it('are not instances of an application’s subclass', () => {
    class OwnError extends VaultError {}
    class OwnProviderError extends ProviderError {}
    expect(new VaultError('ERR_CONFLICT', 'x') instanceof OwnError).toBe(false);
    expect(new ProviderError('x', 'x', {}) instanceof OwnProviderError).toBe(false);
    expect(new OwnError('ERR_CONFLICT', 'x') instanceof OwnError).toBe(true);
    expect(new OwnError('ERR_CONFLICT', 'x') instanceof VaultError).toBe(true);
  });
});

it.each([undefined, null, 'text', 1, {}, new Error('x'), { code: 'ERR_CONFLICT' }])(
  '%s is no error of this package',
  (value) => {
    expect(value instanceof VaultError).toBe(false);
    expect(isVaultError(value)).toBe(false);
  },
);
