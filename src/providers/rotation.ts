/**
 * The fields of credentials, in the clear.
 *
 * @public
 */
export type RotationFields<F extends string = string> = { readonly [K in F]?: string };

/**
 * What the functions of a {@link RotationDefinition} are given.
 *
 * @public
 */
export interface RotationContext<F extends string = string> {
  /** The stored fields, in the clear. */
  readonly fields: RotationFields<F>;
  /** What `replaces` gave when the rotation began. */
  readonly replaced: readonly F[];
  /** Must be in the name of the new credential at the provider, as far as it has names. */
  readonly name: string;
}

/**
 * How credentials are replaced at the provider, for `rotateCredential`. Every function may be called
 * again after a crash.
 *
 * @public
 */
export interface RotationDefinition<F extends string = string> {
  /**
   * The fields that are replaced together, such as an API key and its secret.
   *
   * @throws VaultError `ERR_NOT_CONFIGURED` where these credentials cannot be replaced, and why
   */
  replaces(fields: RotationFields<F>): readonly F[];
  /** Makes a new credential. @returns the changes, as `patch` takes them */
  create(context: RotationContext<F>): Promise<{ readonly [K in F]?: string | null }>;
  /**
   * Removes what a `create` of that name has made and is not used; often nothing. `fields` are the ones
   * that made it; after a `ProviderError` of status 401 or 403 it is called again with newer ones.
   */
  discard(context: RotationContext<F>): Promise<void>;
  /** Whether the provider accepts `fields`. @throws where that cannot be found out */
  works(context: RotationContext<F>): Promise<boolean>;
  /** Ends `old`; the stored fields are the new ones. It may have been ended already. */
  revoke(context: RotationContext<F> & { readonly old: RotationFields<F> }): Promise<void>;
  /** Changes to make once the old credential is dead. */
  finish?(context: RotationContext<F> & { readonly old: RotationFields<F> }): {
    readonly [K in F]?: string | null;
  };
}
