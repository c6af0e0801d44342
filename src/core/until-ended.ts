import { setTimeout as sleep } from 'node:timers/promises';
import { untilAborted } from './audited.ts';

const GRACE_MS = 500;

/**
 * Awaits work that ends by itself soon after `signal` is aborted, unless the store hangs: then it is given
 * up after half a second.
 *
 * @throws VaultError `ERR_ABORTED` when it was given up; what the work throws
 * @internal
 */
export async function untilEnded<T>(
  running: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  try {
    return await untilAborted(signal, () => running);
  } catch (error) {
    if (!signal?.aborted) throw error;
    const late = sleep(GRACE_MS).then(() => {
      throw error;
    });
    return Promise.race([running, late]);
  }
}
