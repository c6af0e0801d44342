import assert from 'node:assert/strict';
import { isVaultError, type VaultErrorCode } from 'provider-vault';

// One input may take so much of the processor. It is no measure of speed: it tells an endless loop, or a
// regular expression that goes back and forth, and a busy machine does not change it. What waits for
// ever fails by the time limit of its test.
const LIMIT_MS = 2_000;

/** What an input led to: a value, or the code of the error of this library that refused it. */
export type Outcome<T> = { readonly value: T } | { readonly code: VaultErrorCode };

/** Runs what gets an odd input. Fails for an error of another class or code, and for a hang. */
export async function outcome<T>(
  codes: readonly VaultErrorCode[],
  run: () => T,
): Promise<Outcome<Awaited<T>>> {
  try {
    return { value: await inTime(run) };
  } catch (error) {
    if (!isVaultError(error)) throw error;
    assert.ok(codes.includes(error.code), error);
    return { code: error.code };
  }
}

/** Runs what gets an odd input, and must take any. Fails for a hang. */
export async function inTime<T>(run: () => T): Promise<Awaited<T>> {
  const before = process.cpuUsage();
  try {
    return await run();
  } finally {
    const { user, system } = process.cpuUsage(before);
    assert.ok((user + system) / 1_000 < LIMIT_MS, 'It takes too long.');
  }
}
