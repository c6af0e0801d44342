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
   * @throws VaultError `ERR_KEY_UNAVAILABLE` when the service does not answer or refuses, within 10
   * seconds, retries included; `ERR_INVALID_ARGUMENT`
   */
  wrap(key: Uint8Array, context: KeyContext): Promise<Uint8Array>;
  /**
   * @throws VaultError as {@link KeyWrapper.wrap}; `ERR_DECRYPTION_FAILED` when the service answers
   * that the wrapped key is damaged, or is one of another context or key: trying again does not help
   */
  unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array>;
  /**
   * Optional, for a service that wraps anew in batches, with the newest version of the same key,
   * and does not hand out the keys.
   *
   * @returns in the order of `items`: the new wrapped key, or `undefined` where the newest version
   * wraps it already
   * @throws VaultError as {@link KeyWrapper.unwrap}; one bad item is enough, so try them one by one
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

/** Begins the id of a `localWrapper`; that of the key follows. @internal */
export const LOCAL_WRAPPER = 'local:';
