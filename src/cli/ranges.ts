import type { ScanRange, SecretRef } from 'provider-vault';

/** A range as one word without spaces: `AFTER..UNTIL`, each of which may be empty. */
export function formatRange({ after, until }: ScanRange): string {
  return `${after ? encode(after) : ''}..${until ? encode(until) : ''}`;
}

/** The range that {@link formatRange} wrote; `undefined` for any other text. */
export function parseRange(text: string): ScanRange | undefined {
  const [, first = '', last = ''] = /^([\w-]*)\.\.([\w-]*)$/.exec(text) ?? [undefined, '!'];
  const [after, until] = [first, last].map((bound) => (bound === '' ? undefined : decode(bound)));
  if (after === null || until === null) return undefined;
  return { ...(after && { after }), ...(until && { until }) };
}

function encode({ tenantId, provider }: SecretRef): string {
  return Buffer.from(JSON.stringify([tenantId, provider])).toString('base64url');
}

function decode(bound: string): SecretRef | null {
  try {
    const [tenantId, provider, ...rest] = JSON.parse(Buffer.from(bound, 'base64url').toString());
    const isRef = typeof tenantId === 'string' && typeof provider === 'string';
    return isRef && rest.length === 0 ? { tenantId, provider } : null;
  } catch {
    return null;
  }
}
