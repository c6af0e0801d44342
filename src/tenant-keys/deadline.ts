import { isVaultError, VaultError } from '../errors.ts';

// A caller must have an answer within 10 seconds, retries included. A request that hangs ends before
// its caller gives up, so that the next caller does not wait for it.
const REQUEST_MS = 9_000;
/** @internal */
export const CALL_MS = 9_500;

/**
 * What `work` gives. It rejects in time also while a KMS or a key store hangs, and every failure of
 * theirs becomes `ERR_KEY_UNAVAILABLE`; errors about a key itself stay what they are.
 *
 * @param subject - begins the message: `The key store`
 * @internal
 */
export async function withDeadline<T>(
  subject: string,
  work: () => Promise<T>,
  ms = REQUEST_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(unavailable(`${subject} did not answer within ${ms / 1000} seconds.`));
    }, ms);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    if (isVaultError(error) && /^ERR_(KEY_|INVALID_ARGUMENT$|DECRYPTION_FAILED$)/.test(error.code))
      throw error;
    // An error of somebody else's may quote what it was given.
    throw isVaultError(error)
      ? unavailable(`${subject} failed: ${error.message}`, error)
      : unavailable(`${subject} failed (${error instanceof Error ? error.name : typeof error}).`);
  } finally {
    clearTimeout(timer);
  }
}

/** @internal */
export function unavailable(message: string, cause?: unknown): VaultError {
  return new VaultError('ERR_KEY_UNAVAILABLE', message, cause === undefined ? {} : { cause });
}
