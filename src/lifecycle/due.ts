import type { RefreshDefinition } from '../providers/define-provider.ts';
import { type RecordView, recordInfo, renewedAt } from '../record.ts';

const DEFAULT_MARGIN_MS = 15 * 60_000;
/** After a renewal that brought no time in the future, the next one waits so long. */
const UNUSABLE_MS = 30_000;

/**
 * Whether credentials are to be renewed, by the time at which they expire; `undefined`: a text that
 * is no time.
 *
 * @internal
 */
export function isDue(
  refresh: RefreshDefinition,
  view: RecordView,
  expiry: Date | undefined,
  now: Date,
  marginMs: number = refresh.marginMs ?? DEFAULT_MARGIN_MS,
): boolean {
  const since = renewedAt(view);
  if (since === undefined) {
    return expiry === undefined || expiry.getTime() - now.getTime() <= marginMs;
  }
  // Credentials that live for less than the margin would be renewed by every call.
  const half = expiry ? (expiry.getTime() - since.getTime()) / 2 : 0;
  if (!expiry || half <= 0) return now.getTime() - since.getTime() >= UNUSABLE_MS;
  return expiry.getTime() - now.getTime() <= Math.min(marginMs, half);
}

/**
 * Whether a record may be due, as far as can be told without opening it.
 *
 * @internal
 */
export function mayBeDue(
  refresh: RefreshDefinition,
  view: RecordView,
  now: Date,
  marginMs?: number,
): boolean {
  const { expiresAt } = recordInfo(view);
  return expiresAt === undefined || isDue(refresh, view, expiresAt, now, marginMs);
}
