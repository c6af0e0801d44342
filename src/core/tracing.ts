import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import { isVaultError, publicNameOf } from '../errors.ts';

/**
 * The operations that have a tracing channel of `node:diagnostics_channel`, named
 * `provider-vault:<operation>`.
 *
 * - Of a vault: `get` (also `require`, `getSecret`, and the read of every client factory), `getMany` (also
 *   `getAllSecrets`), `fresh`, `list`, `status`, `history`, `findTenants`, `put`, `patch` (also `applyForm`
 *   and `setSecret`), `delete` (also `deleteSecret`), `rollback`, `purgeHistory`.
 * - Within those: `refresh`, the renewal of a credential by its provider; `health`, the note of what a call,
 *   a test or a renewal has shown; `wrapKey`, `unwrapKey` and `rewrapKeys`, the calls of a KMS.
 * - Of a provider: `testConnection`, `rotateCredential` with a `rotationStep` for each call of its
 *   definition, `verifyWebhook`.
 * - Long operations: `migrateFromSettings`, `rotateKeys`, `verifyVault`, `reindexLookup`, `renewKeys`,
 *   `refreshDue`, `rotateDue`, `checkHealth`, `eraseTenant`.
 *
 * @public
 */
export const TRACED_OPERATIONS = [
  'get',
  'getMany',
  'fresh',
  'list',
  'status',
  'history',
  'findTenants',
  'put',
  'patch',
  'delete',
  'rollback',
  'purgeHistory',
  'refresh',
  'health',
  'wrapKey',
  'unwrapKey',
  'rewrapKeys',
  'testConnection',
  'rotateCredential',
  'rotationStep',
  'verifyWebhook',
  'migrateFromSettings',
  'rotateKeys',
  'verifyVault',
  'reindexLookup',
  'renewKeys',
  'refreshDue',
  'rotateDue',
  'checkHealth',
  'eraseTenant',
] as const;

/**
 * One of {@link TRACED_OPERATIONS}.
 *
 * @public
 */
export type TracedOperation = (typeof TRACED_OPERATIONS)[number];

/**
 * The context object of one operation on its tracing channel: the same object at `start`, `end`,
 * `asyncStart`, `asyncEnd` and `error`. It holds names and counts, never a value, a key, a ciphertext or
 * the operation's result.
 *
 * @public
 */
export interface TraceContext {
  readonly operation: TracedOperation;
  /** The same for all operations of one vault, or of one `TenantKeys`; to tell those of others apart. */
  readonly owner: symbol;
  /** The tenant, where the operation is about one; `(invalid)` for a malformed id. */
  readonly tenantId?: string;
  /** The provider, where the operation is about one; `(invalid)` for a malformed name. */
  readonly provider?: string;
  /** The id of the wrapper, for a call of a KMS. */
  readonly wrapper?: string;
  /** The function of the definition that is called, for a `rotationStep`. */
  readonly step?: string;
  /** Records that were looked for in the cache; absent without a cache. */
  records?: number;
  /** Those of them that the cache had. */
  cached?: number;
  /** The new state, if the health of credentials has changed. */
  health?: string;
  /**
   * Why the operation failed, if it did: the code of the error, or its name; of a connection test or a
   * webhook the reason in its result.
   */
  errorType?: string;
  /**
   * The error that the operation throws. In the place of one that is no `VaultError`, whose message may
   * quote anything, there is one that has its name only.
   */
  error?: unknown;
}

/** What is known of an operation before it runs. @internal */
export type TraceFacts = Pick<TraceContext, 'tenantId' | 'provider' | 'wrapper' | 'step'>;

/** Kept here: a channel that nobody holds loses its subscribers. @internal */
export const TRACING_CHANNELS = Object.fromEntries(
  TRACED_OPERATIONS.map((operation) => [operation, tracingChannel(`provider-vault:${operation}`)]),
) as unknown as Readonly<Record<TracedOperation, TracingChannel<unknown, TraceContext>>>;

/** Whether anybody listens. Ask before {@link traced} where its arguments alone would cost too much. @internal */
export function isTraced(operation: TracedOperation): boolean {
  return TRACING_CHANNELS[operation].hasSubscribers;
}

/**
 * Runs `work`, and tells of its beginning and end if anybody listens.
 *
 * @param work - gets the context, to add to it; `undefined` if nobody listens
 * @internal
 */
export function traced<T>(
  operation: TracedOperation,
  owner: symbol,
  work: (context?: TraceContext) => Promise<T>,
  factsOf: () => TraceFacts = () => ({}),
): Promise<T> {
  if (!isTraced(operation)) return work();
  return runTraced({ operation, owner, ...factsOf() }, work);
}

/** The result goes past Node's `tracePromise`, which would put it into the context. */
async function runTraced<T>(
  context: TraceContext,
  work: (context: TraceContext) => Promise<T>,
): Promise<T> {
  let finished: { readonly result: T } | undefined;
  let failed: { readonly error: unknown } | undefined;
  const run = async () => {
    try {
      finished = { result: await work(context) };
    } catch (error) {
      failed = { error };
      context.errorType = isVaultError(error) ? error.code : publicNameOf(error);
      throw isVaultError(error) ? error : new Error(context.errorType);
    }
  };
  const tracing = TRACING_CHANNELS[context.operation].tracePromise(run, context);
  await tracing.catch(() => {}); // `failed` has it
  if (failed !== undefined) throw failed.error;
  return (finished as unknown as { readonly result: T }).result;
}
