import { createSecretKey, hkdfSync, randomBytes } from 'node:crypto';
import { traced } from '../core/tracing.ts';
import { isVaultError, VaultError } from '../errors.ts';
import { KEY_BYTES } from '../keys/key-input.ts';
import type { KeyWrapper } from '../keys/key-wrapper.ts';
import { toVaultKey, type VaultKey } from '../keys/vault-key.ts';
import type { StoredKey } from '../stores/key-store.ts';
import { unavailable, withDeadline } from './deadline.ts';

/** The KMS keys that wrap data keys: the one that wraps new ones, and those before it. @internal */
export class KeyWrappers {
  readonly current: KeyWrapper;
  readonly #byId: ReadonlyMap<string, KeyWrapper>;
  /** Names the `TenantKeys` on the tracing channels. */
  readonly #owner: symbol;

  constructor(current: KeyWrapper, byId: ReadonlyMap<string, KeyWrapper>, owner: symbol) {
    this.current = current;
    this.#byId = byId;
    this.#owner = owner;
  }

  /** Calls a KMS, and waits for its answer no longer than a caller may wait. */
  call<T>(
    operation: 'wrapKey' | 'unwrapKey' | 'rewrapKeys',
    { id: wrapper }: KeyWrapper,
    tenantId: string | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    const ask = () => withDeadline(`The wrapper "${wrapper}"`, work);
    const facts = () => ({ wrapper, ...(tenantId !== undefined && { tenantId }) });
    return traced(operation, this.#owner, ask, facts);
  }

  /** Whether the wrapper that wrapped a key is configured. */
  has({ wrapper: id }: StoredKey): boolean {
    return this.#byId.has(id);
  }

  /** The wrapper that wrapped a key. @throws VaultError `ERR_KEY_UNAVAILABLE` with its id */
  of({ keyId, wrapper: id }: StoredKey, tenantId: string): KeyWrapper {
    const wrapper = this.#byId.get(id);
    if (wrapper !== undefined) return wrapper;
    throw unavailable(
      `Key ${keyId} of tenant "${tenantId}" is wrapped by ${JSON.stringify(id)}, which is not configured. Add that wrapper to previousWrappers.`,
    );
  }

  /** A new random key of a tenant. */
  async make(tenantId: string, number: number): Promise<{ stored: StoredKey; key: VaultKey }> {
    const bytes = randomBytes(KEY_BYTES);
    try {
      const key = deriveKey(bytes, tenantId, number);
      const wrapped = await this.#wrap(bytes, tenantId);
      const wrapper = this.current.id;
      const stored = { number, keyId: key.id, wrapper, wrapped, createdAt: new Date() };
      return { key, stored };
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * The key that a stored one wraps.
   *
   * @throws VaultError `ERR_KEY_INVALID` for a key that was altered, or moved from another tenant
   */
  async open(stored: StoredKey, tenantId: string): Promise<VaultKey> {
    return this.#unwrapped(stored, tenantId, async (_bytes, key) => key);
  }

  /** A stored key, wrapped anew by the current wrapper. @throws VaultError as {@link KeyWrappers.open} */
  async wrapAnew(stored: StoredKey, tenantId: string): Promise<StoredKey> {
    return this.#unwrapped(stored, tenantId, async (bytes) => ({
      ...stored,
      wrapper: this.current.id,
      wrapped: await this.#wrap(bytes, tenantId),
    }));
  }

  async #wrap(bytes: Uint8Array, tenantId: string): Promise<string> {
    const { current } = this;
    const wrapped = await this.call('wrapKey', current, tenantId, () =>
      current.wrap(bytes, { tenantId }),
    );
    return wrappedText(wrapped, current);
  }

  async #unwrapped<T>(
    stored: StoredKey,
    tenantId: string,
    use: (bytes: Uint8Array, key: VaultKey) => Promise<T>,
  ): Promise<T> {
    const wrapper = this.of(stored, tenantId);
    let isLate = false;
    const bytes = await this.call('unwrapKey', wrapper, tenantId, async () => {
      const answer = await wrapper.unwrap(Buffer.from(stored.wrapped, 'base64'), { tenantId });
      if (isLate && answer instanceof Uint8Array) answer.fill(0); // nobody waits for it any more
      return answer;
    }).catch((error) => {
      isLate = true;
      if (isVaultError(error, 'ERR_DECRYPTION_FAILED')) throw alteredKey(stored, tenantId);
      throw error;
    });
    try {
      const key =
        bytes instanceof Uint8Array && bytes.length === KEY_BYTES
          ? deriveKey(bytes, tenantId, stored.number)
          : undefined;
      if (key !== undefined && key.id === stored.keyId) return await use(bytes, key);
      throw alteredKey(stored, tenantId);
    } finally {
      if (bytes instanceof Uint8Array) bytes.fill(0);
    }
  }
}

/** The error for a stored key that is not the one it names. @internal */
export function alteredKey({ keyId }: StoredKey, tenantId: string): VaultError {
  return new VaultError(
    'ERR_KEY_INVALID',
    `What is stored as key ${keyId} of tenant "${tenantId}" is another key: it was altered, or moved from another tenant.`,
  );
}

/** What a wrapper made, as text. @throws VaultError `ERR_KEY_UNAVAILABLE` for anything but bytes @internal */
export function wrappedText(wrapped: unknown, { id }: KeyWrapper): string {
  if (wrapped instanceof Uint8Array && wrapped.length > 0) {
    return Buffer.from(wrapped).toString('base64');
  }
  throw unavailable(`The wrapper "${id}" returned no wrapped key.`);
}

/**
 * The key that seals, bound to its tenant and number [K6].
 *
 * @param bytes - as they were unwrapped
 */
function deriveKey(bytes: Uint8Array, tenantId: string, number: number): VaultKey {
  const info = `provider-vault/tenant-key\n${tenantId}\n${number}`;
  const derived = new Uint8Array(hkdfSync('sha256', bytes, '', info, KEY_BYTES));
  const { id, key } = toVaultKey(createSecretKey(derived));
  derived.fill(0);
  return { id: `t${number}-${id}`, key };
}
