import { createHash } from 'node:crypto';
import type { PlaintextField } from './plaintext.ts';

// A tenant's counter may be shared with others: then a little more is remembered than needed.
const COUNTERS = 2 ** 23;
const MAX_FIELDS = 1_000_000;
const DIGEST_BYTES = 6; // what a number holds exactly

/**
 * What a dry run would have written, so that it can tell what later documents of the same tenant
 * would do. It remembers digests, only for tenants with several documents, and a million fields at
 * most: beyond that it forgets the oldest ones, and takes their later documents for first ones.
 *
 * @internal
 */
export class EarlierFields {
  readonly #documents = new Uint8Array(COUNTERS);
  readonly #values = new Map<number, number>();

  /** Must be called once for each document before the dry run. */
  countDocument(tenantId: string): void {
    const at = counterOf(tenantId);
    this.#documents[at] = Math.min((this.#documents[at] as number) + 1, 2);
  }

  /** Whether the field has the value of `item`; `undefined` where it has none yet. */
  hasValue(item: PlaintextField): boolean | undefined {
    const earlier = this.#values.get(addressOf(item));
    return earlier === undefined ? undefined : earlier === digest(item.value);
  }

  add(item: PlaintextField): void {
    if ((this.#documents[counterOf(item.tenantId)] as number) < 2) return;
    this.#values.set(addressOf(item), digest(item.value));
    if (this.#values.size <= MAX_FIELDS) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      break;
    }
  }
}

function digest(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, DIGEST_BYTES);
}

function counterOf(tenantId: string): number {
  return digest(tenantId) % COUNTERS;
}

function addressOf({ tenantId, provider, field }: PlaintextField): number {
  return digest(`${tenantId}\n${provider}\n${field}`);
}
