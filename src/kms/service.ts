import { setTimeout as sleep } from 'node:timers/promises';
import { invalidArgument, isVaultError, publicCode, publicNameOf, VaultError } from '../errors.ts';
import { KEY_BYTES } from '../keys/key-input.ts';
import type { KeyContext, KeyWrapper } from '../keys/key-wrapper.ts';
import { assertTenantId, describeType } from '../names.ts';
import { Slots } from './slots.ts';

// Three attempts and the pauses between them stay under the 9 s after which TenantKeys gives up, so
// that the error is the one that says why. A client's own retries happen within an attempt.
const ATTEMPTS = 3;
export const ATTEMPT_MS = 4_000;
const MIN_ATTEMPT_MS = 500;
const TOTAL_MS = 8_500;
const PAUSES_MS = [200, 600];

// Fewer than the connections of any client, so that no call waits inside of it.
const MAX_IN_FLIGHT = 32;

type Operation = 'wrap' | 'unwrap' | 'rewrap';

interface WrappedItem {
  readonly wrapped: Uint8Array;
  readonly context: KeyContext;
}

/** What tells one service from another. */
export interface KmsService {
  readonly id: string;
  /** What it is called in messages: `AWS KMS`. */
  readonly name: string;
  /** What a caller needs to be allowed, as the service calls it. */
  readonly permissions: { readonly [operation in Operation]?: string };
  wrap(key: Uint8Array, tenantId: string, signal: AbortSignal): Promise<Uint8Array>;
  unwrap(wrapped: Uint8Array, tenantId: string, signal: AbortSignal): Promise<Uint8Array>;
  readonly rewrap?: {
    readonly batchSize: number;
    run(
      items: readonly WrappedItem[],
      signal: AbortSignal,
    ): Promise<readonly (Uint8Array | undefined)[]>;
  };
  /** Reads an error of the service's client; `undefined` unless it is an answer of the service. */
  explain(error: unknown, operation: Operation): Failure | undefined;
}

/**
 * - `transient`: may succeed at the next attempt
 * - `denied`: a permission is missing
 * - `refused`: the key or the credentials cannot be used
 * - `rejected`: the wrapped key is damaged, or is one of another context or key
 */
type FailureKind = 'transient' | 'denied' | 'refused' | 'rejected';

/** A failed call, in words that may be shown. */
export class Failure extends Error {
  readonly kind: FailureKind;
  /** What to do, as sentences; `denied`: the other possible reasons, as a clause. */
  readonly advice: string;

  /** @param what - a status, a code: text of ours, or checked by {@link publicCode} */
  constructor(kind: FailureKind, what: string, advice = '') {
    super(what);
    this.kind = kind;
    this.advice = advice;
  }
}

/** The wrapper of a service: checks, time-outs, retries and errors are the same for all. */
export function keyWrapper(service: KmsService): KeyWrapper {
  const { id, rewrap } = service;
  const slots = new Slots(MAX_IN_FLIGHT);
  return {
    id,
    wrap: async (key, context) => {
      assertBytes(key, 'The key to wrap');
      if (key.length !== KEY_BYTES) throw invalidArgument(`A key has ${KEY_BYTES} bytes.`);
      const tenantId = tenantOf(context);
      return call(service, slots, 'wrap', (signal) => service.wrap(key, tenantId, signal));
    },
    unwrap: async (wrapped, context) => {
      assertBytes(wrapped, 'The wrapped key');
      const tenantId = tenantOf(context);
      const key = await call(service, slots, 'unwrap', (signal) =>
        service.unwrap(wrapped, tenantId, signal),
      );
      if (key.length === KEY_BYTES) return key;
      key.fill(0);
      const failure = new Failure('rejected', `it holds ${key.length} bytes, not ${KEY_BYTES}`);
      throw vaultError(service, 'unwrap', failure);
    },
    ...(rewrap && {
      rewrap: async (items) => {
        for (const { wrapped, context } of items) {
          assertBytes(wrapped, 'The wrapped key');
          tenantOf(context);
        }
        const results: (Uint8Array | undefined)[] = [];
        for (let at = 0; at < items.length; at += rewrap.batchSize) {
          const batch = items.slice(at, at + rewrap.batchSize);
          results.push(
            ...(await call(service, slots, 'rewrap', (signal) => rewrap.run(batch, signal))),
          );
        }
        return results;
      },
    }),
  };
}

function tenantOf(context: KeyContext): string {
  assertTenantId(context?.tenantId);
  return context.tenantId;
}

async function call<T>(
  service: KmsService,
  slots: Slots,
  operation: Operation,
  attempt: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = performance.now() + TOTAL_MS;
  const left = () => end - performance.now();
  for (let n = 1; ; n++) {
    if (!(await slots.take(left()))) {
      throw vaultError(service, operation, new Failure('transient', 'too many calls wait'), n);
    }
    try {
      return await withTimeout(attempt, Math.min(ATTEMPT_MS, left())).finally(() => slots.free());
    } catch (error) {
      const failure = toFailure(service, operation, error);
      const pause = Math.random() * (PAUSES_MS[n - 1] ?? 0);
      const isLast = n === ATTEMPTS || left() - pause < MIN_ATTEMPT_MS;
      if (failure.kind !== 'transient' || isLast) throw vaultError(service, operation, failure, n);
      await sleep(pause);
    }
  }
}

async function withTimeout<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  ms: number,
): Promise<T> {
  const abort = new AbortController();
  let isLate = false;
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      isLate = true;
      reject(new Failure('transient', 'no answer in time'));
      abort.abort();
    }, ms);
  });
  const running = attempt(abort.signal).then((result) => {
    // A client that ignores the signal: nobody will zero this key.
    if (isLate && result instanceof Uint8Array) result.fill(0);
    return result;
  });
  try {
    return await Promise.race([running, expired]);
  } finally {
    clearTimeout(timer);
  }
}

function toFailure(service: KmsService, operation: Operation, error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (isVaultError(error)) return new Failure('refused', error.code, error.message); // no peer
  const explained = service.explain(error, operation);
  if (explained !== undefined) return explained;
  const code = networkCode(error) ?? publicNameOf(error);
  // Other codes of Node are about certificates and settings, which stay wrong.
  const isTransient = /^(E(?!RR_)[A-Z]+|EAI_[A-Z]+|UND_ERR_[A-Z_]+)$/.test(code);
  return new Failure(isTransient ? 'transient' : 'refused', code);
}

function vaultError(
  service: KmsService,
  operation: Operation,
  { kind, message, advice }: Failure,
  attempts = 1,
): VaultError {
  // Neither the error of the client nor its message goes on: they can hold the request.
  const tried = attempts > 1 ? ` (${attempts} attempts)` : '';
  const text = `${service.name} did not ${operation} a key with ${service.id}: ${message}${tried}.`;
  const permission = service.permissions[operation];
  const todo =
    kind === 'denied' && permission !== undefined
      ? `The permission ${permission} is missing${advice && `, or ${advice}`}.`
      : advice;
  return new VaultError(
    kind === 'rejected' ? 'ERR_DECRYPTION_FAILED' : 'ERR_KEY_UNAVAILABLE',
    `${text} ${todo}`.trim(),
  );
}

/** The code of an error of Node, of its cause, or of the first of several. */
function networkCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  const inner = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  return publicCode(code) ?? networkCode(inner);
}

/** What a service says, as the first pattern that matches has it. */
export type Answers = readonly (readonly [pattern: RegExp, kind: FailureKind, advice?: string])[];

export const NOT_OURS =
  'The wrapped key is damaged, or it belongs to another tenant or to another key.';

/**
 * The failure that an answer stands for.
 *
 * @param text - what the patterns are tried on; it is not shown
 * @param what - what is shown
 * @param status - of HTTP; it decides if no pattern matches
 */
export function failureOf(answers: Answers, text: string, what: string, status = 0): Failure {
  const known = answers.find(([pattern]) => pattern.test(text));
  if (known !== undefined) return new Failure(known[1], what, known[2]);
  const isTransient = status === 408 || status === 429 || status >= 500;
  return new Failure(isTransient ? 'transient' : 'refused', what);
}

/** What is bound to a wrapped key where the service takes bytes. */
export function contextBytes(tenantId: string): Buffer {
  return Buffer.from(`${PURPOSE}\n${tenantId}`);
}

/** Keeps what is wrapped here apart from other uses of the same key. */
export const PURPOSE = 'provider-vault/tenant-key';

/** @throws VaultError `ERR_INVALID_ARGUMENT` */
export function assertSettings(value: unknown, caller: string): asserts value is object {
  if (typeof value !== 'object' || value === null) {
    throw invalidArgument(
      `The options of ${caller} must be an object, not ${describeType(value)}.`,
    );
  }
}

/** @throws VaultError `ERR_INVALID_ARGUMENT` */
export function assertClient(client: unknown, methods: readonly string[], expected: string): void {
  const members = (client ?? {}) as Record<string, unknown>;
  if (!methods.every((method) => typeof members[method] === 'function')) {
    throw invalidArgument(`client must be ${expected}.`);
  }
}

/** @throws VaultError `ERR_INVALID_ARGUMENT` */
export function assertMatches(
  value: unknown,
  pattern: RegExp,
  name: string,
  expected: string,
): asserts value is string {
  if (typeof value !== 'string' || !pattern.test(value)) {
    throw invalidArgument(`${name} must be ${expected}.`);
  }
}

function assertBytes(value: unknown, what: string): void {
  if (!(value instanceof Uint8Array)) {
    throw invalidArgument(`${what} must be a Uint8Array, not ${describeType(value)}.`);
  }
}
