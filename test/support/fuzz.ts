import fc from 'fast-check';

const FACTOR = process.env.PROVIDER_VAULT_DEEP ? 100 : 1; // npm run test:deep

/** How many inputs a fuzz test takes: some in `npm test`, a hundred times as many in `npm run test:deep`. */
export const inputs = (count: number) => ({ numRuns: count * FACTOR });

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
