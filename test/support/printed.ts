import { inspect } from 'node:util';
import { expect } from 'vitest';

/** Every text that can be got out of a value: own members, hidden ones, prototypes' getters. */
export function textsIn(value: unknown, seen = new Set<unknown>()): string[] {
  if (typeof value === 'string') return [value];
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return [];
  if (seen.has(value)) return [];
  seen.add(value);
  return Reflect.ownKeys(value).flatMap((name) => {
    let member: unknown;
    try {
      member = Reflect.get(value, name);
    } catch {
      return [];
    }
    return [String(name), ...textsIn(member, seen)];
  });
}

function jsonOf(value: unknown): string {
  const seen = new Set<unknown>(); // the SDK's resources point at each other
  const once = (_name: string, member: unknown) => {
    if (typeof member !== 'object' || member === null) return member;
    if (seen.has(member)) return undefined;
    seen.add(member);
    return member;
  };
  return JSON.stringify(value, once) ?? '';
}

/** Fails when a value shows one of `secrets`, in whatever way it is printed. */
export function expectNone(secrets: readonly string[], value: unknown): void {
  const shown = [
    String(value),
    inspect(value, { depth: 20, showHidden: true }),
    inspect(value, { depth: 20, showHidden: true, customInspect: false }),
    jsonOf(value),
  ];
  for (const secret of secrets) expect(shown.join('\n')).not.toContain(secret);
}
