/**
 * A key of a KMS, which wraps the data keys of tenants. Each function of `provider-vault/kms` makes
 * one.
 *
 * @public
 */
export interface KeyWrapper {
  /** Names the service and its key, in public; stored beside every key it wrapped. */
  readonly id: string;
  /**
   * @param key - 32 bytes
   * @param context - bound to the wrapped key where the service can do so [K6]
   * @throws VaultError `ERR_KEY_UNAVAILABLE` when the service does not answer or refuses; never
   * another error, and never later than 10 seconds, retries included
   */
  wrap(key: Uint8Array, context: KeyContext): Promise<Uint8Array>;
  /** @throws VaultError as {@link KeyWrapper.wrap} */
  unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array>;
  /**
   * Optional, for a service that wraps anew in batches, with the newest version of the same key,
   * and does not hand out the keys.
   *
   * @returns in the order of `items`: the new wrapped key, or `undefined` where the newest version
   * wraps it already
   */
  rewrap?(
    items: readonly { readonly wrapped: Uint8Array; readonly context: KeyContext }[],
  ): Promise<(Uint8Array | undefined)[]>;
}

/**
 * What a wrapped key is bound to.
 *
 * @public
 */
export interface KeyContext {
  readonly tenantId: string;
}
