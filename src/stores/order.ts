import type { SecretRef } from '../record.ts';

/**
 * Compares addresses by tenant, then by provider, as a scan returns them.
 *
 * @internal
 */
export function compareRefs(a: SecretRef, b: SecretRef): number {
  return compareText(a.tenantId, b.tenantId) || compareText(a.provider, b.provider);
}

/**
 * Compares by code point, as databases do that compare UTF-8 by bytes: a range has to mean the same in
 * every store. `<` compares code units, and puts U+10000 before U+E000.
 *
 * @internal
 */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [one, other] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (one !== other) return rank(one) - rank(other);
  }
  return a.length - b.length;
}

// Surrogates, of which the highest code points are made, lie in the middle of the code units.
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
