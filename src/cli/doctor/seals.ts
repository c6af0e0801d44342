import type { Summary } from '../summary.ts';
import { type Check, fail, pass, warn } from './check.ts';

// NIST SP 800-38D §8.3: at most 2^32 seals of one key with random IVs [K5].
const LIMIT = 2 ** 32;
const SOON = 2 ** 30;

/** How much of each key's life is used, as far as the revisions of its records tell. @internal */
export function checkSeals({ keys }: Summary): Check {
  const seals = Object.entries(keys).flatMap(([id, use]) => (id ? [[id, use.seals] as const] : []));
  const [id, most] = seals.reduce((a, b) => (b[1] > a[1] ? b : a), ['', 0] as const);
  if (id === '') return pass('seals', 'no key has sealed anything yet');
  const text = `key ${id} has sealed about ${most.toLocaleString('en-US')} times, of at most 2^32`;
  const details = Object.fromEntries(seals);
  if (most >= LIMIT) return fail('seals', text, 'Rotate to a new key now.', details);
  if (most >= SOON) return warn('seals', text, 'Rotate to a new key soon.', details);
  return pass('seals', text, details);
}
