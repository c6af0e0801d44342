import { invalidArgument } from '../errors.ts';
import type { WriteOptions } from './vault-core.ts';

/** @internal */
export function assertWriteOptions(options: WriteOptions): void {
  const { expectedRev, actor, reason } = options;
  if (expectedRev !== undefined && !(Number.isSafeInteger(expectedRev) && expectedRev >= 0)) {
    throw invalidArgument('expectedRev must be 0 or a positive integer.');
  }
  for (const text of [actor, reason]) {
    if (text !== undefined && typeof text !== 'string') {
      throw invalidArgument('actor and reason must be strings.');
    }
  }
}
