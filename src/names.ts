import { createHash } from 'node:crypto';
import { invalidArgument } from './errors.ts';
import type { SecretRef } from './record.ts';

/**
 * Names of providers that begin with this are records of this library itself [R8]: callers cannot
 * name them, and lists, counts and reports leave them out.
 */
const RESERVED_PREFIX = '$';

const MAX_NAME_LENGTH = 128;

// Control characters, and lone surrogates: UTF-8 turns every one of those into U+FFFD, so that two
// different tenants would get the same name in the database.
const FORBIDDEN_CHARACTERS = /[\p{Cc}\p{Cs}]/u;

// [R3] No field can collide with the reserved member "$bind".
const FIELD_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

/**
 * Rejects a tenant id that is not a plain name: these values come from HTTP requests, where
 * `{ "$ne": null }` is one JSON body away.
 *
 * @internal
 */
export function assertTenantId(value: unknown): asserts value is string {
  assertName(value, 'tenantId');
}

/** @internal */
export function assertProviderName(value: unknown): asserts value is string {
  assertName(value, 'provider');
  if (isReserved(value)) {
    throw invalidArgument(`A provider name must not begin with "${RESERVED_PREFIX}".`);
  }
}

/** Whether a provider name belongs to a record of this library itself [R8]. @internal */
export function isReserved(provider: string): boolean {
  return provider.startsWith(RESERVED_PREFIX);
}

/**
 * The name of a record of this library about `name` [R8], which is as long as a name may be, at most.
 *
 * @internal
 */
export function reservedName(kind: string, name: string): string {
  const full = `${RESERVED_PREFIX}${kind}:${name}`;
  if (full.length <= MAX_NAME_LENGTH) return full;
  const digest = createHash('sha256').update(name).digest('base64url');
  return `${RESERVED_PREFIX}${kind}:${digest}`;
}

/** The address of the record that holds the health of the credentials at `ref`. @internal */
export function healthRef({ tenantId, provider }: SecretRef): SecretRef {
  return { tenantId, provider: reservedName('health', provider) };
}

/** Whether a provider name belongs to a lease: nothing that a copy of the records needs [R8]. @internal */
export function isLease(provider: string): boolean {
  return provider.startsWith(`${RESERVED_PREFIX}lease:`);
}

/** @internal */
export function assertFieldName(value: unknown, provider: string): asserts value is string {
  if (typeof value !== 'string' || !FIELD_NAME.test(value)) {
    throw invalidArgument(
      `A field name of provider "${provider}" is not allowed: names start with a letter and hold up to 64 letters, digits and underscores.`,
    );
  }
}

function assertName(value: unknown, what: string): asserts value is string {
  if (typeof value !== 'string') {
    throw invalidArgument(`${what} must be a string, not ${describeType(value)}.`);
  }
  if (value.length === 0 || value.length > MAX_NAME_LENGTH) {
    throw invalidArgument(
      `${what} must have 1 to ${MAX_NAME_LENGTH} characters, not ${value.length}.`,
    );
  }
  if (FORBIDDEN_CHARACTERS.test(value)) {
    throw invalidArgument(`${what} must not hold control characters or lone surrogates.`);
  }
  if (value === 'prototype' || value in Object.prototype) {
    throw invalidArgument(`${what} must not be the name of a member of Object.prototype.`);
  }
}

/**
 * The type of a value in words, for messages that must not show the value.
 *
 * @internal
 */
export function describeType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : typeof value;
}
