import fc from 'fast-check';
import { isVaultError, type VaultErrorCode } from 'provider-vault';
import { expect } from 'vitest';

// One input may take so long. It is no measure of speed: it tells an endless loop, or a regular
// expression that goes back and forth, from a busy machine.
const LIMIT_MS = 2_000;
const FACTOR = process.env.PROVIDER_VAULT_DEEP ? 100 : 1; // npm run test:deep

/** How many inputs a fuzz test takes: some in `npm test`, a hundred times as many in `npm run test:deep`. */
export const inputs = (count: number) => ({ numRuns: count * FACTOR });

/** What an input led to: a value, or the code of the error of this library that refused it. */
export type Outcome<T> = { readonly value: T } | { readonly code: VaultErrorCode };

/** Runs what gets an odd input. Fails for an error of another class or code, and for a hang. */
export async function outcome<T>(
  codes: readonly VaultErrorCode[],
  run: () => T,
): Promise<Outcome<Awaited<T>>> {
  const started = performance.now();
  try {
    return { value: await run() };
  } catch (error) {
    if (!isVaultError(error)) throw error;
    expect(codes).toContain(error.code);
    return { code: error.code };
  } finally {
    expect(performance.now() - started).toBeLessThan(LIMIT_MS);
  }
}

/** Any value at all: hostile keys, cycles excluded, also what JSON cannot hold. */
export const anything = () =>
  fc.anything({
    key: fc.oneof(
      fc.string(),
      fc.constantFrom('__proto__', 'constructor', 'toString', '$ne', 'a.b', 'then', 'toJSON'),
    ),
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withTypedArray: true,
    maxDepth: 3,
  });

/** `value` with one thing altered, removed or put in place of another. */
export function altered(value: object): fc.Arbitrary<object> {
  const paths = pathsOf(value);
  return fc
    .tuple(
      fc.constantFrom(...paths),
      fc.constantFrom('replace', 'remove', 'bend'),
      anything(),
      fc.nat(),
    )
    .map(([path, how, other, at]) => {
      const copy = structuredClone(value) as Record<string, unknown>;
      const last = path[path.length - 1] as string;
      let holder = copy;
      for (const name of path.slice(0, -1)) holder = holder[name] as Record<string, unknown>;
      if (how === 'remove') delete holder[last];
      else if (how === 'replace' || typeof holder[last] !== 'string') holder[last] = other;
      else holder[last] = bent(holder[last], at);
      return copy;
    });
}

/** A text with one character altered, left out or doubled. */
export function bent(text: string, at: number): string {
  const index = at % Math.max(1, text.length);
  const [head, char, tail] = [text.slice(0, index), text.charAt(index), text.slice(index + 1)];
  const other = String.fromCharCode(char.charCodeAt(0) ^ (1 << (at % 6)) || 65);
  return [head + other + tail, head + tail, head + char + char + tail][at % 3] as string;
}

function pathsOf(value: unknown, above: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null || value instanceof Date) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const path = [...above, name];
    return [path, ...pathsOf(member, path)];
  });
}
