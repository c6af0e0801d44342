import { createHash } from 'node:crypto';
import { refKey, type SecretRef } from '../record.ts';
import type { PlaintextField } from './plaintext.ts';

// Tenants may share a counter: then a little more is remembered than needed.
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
  readonly #bytes = new Map<number, number>();

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

  /** By how many bytes a record would have grown. */
  bytesAdded(ref: SecretRef): number {
    return this.#bytes.get(recordOf(ref)) ?? 0;
  }

  /** @param bytes - by how much the field makes its record larger */
  add(item: PlaintextField, bytes: number): void {
    if ((this.#documents[counterOf(item.tenantId)] as number) < 2) return;
    remember(this.#values, addressOf(item), digest(item.value));
    remember(this.#bytes, recordOf(item), this.bytesAdded(item) + bytes);
  }
}

function remember(memory: Map<number, number>, key: number, value: number): void {
  memory.set(key, value);
  if (memory.size <= MAX_FIELDS) return;
  for (const oldest of memory.keys()) {
    memory.delete(oldest);
    break;
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

function recordOf(ref: SecretRef): number {
  return digest(refKey(ref));
}
