import { describe, expect, it } from 'vitest';
import { addTally, keyGroup, keyName } from '../../../src/maintenance/report.ts';

describe('a report', () => {
  it('is the sum of its parts: counts, counts by name, and lists', () => {
    const whole = { ok: 1, keys: { a: 1 }, failed: ['x'], isWhole: false, keyId: 'a' };
    addTally(whole, { ok: 2, keys: { a: 1, b: 3 }, failed: ['y', 'z'], more: 4, deep: { c: 5 } });
    addTally(whole, { ok: 3, isWhole: true, keyId: 'b' });
    expect(whole).toEqual({
      ok: 6,
      keys: { a: 2, b: 3 },
      failed: ['x', 'y', 'z'],
      more: 4,
      deep: { c: 5 },
      isWhole: false, // set at the end
      keyId: 'a',
    });
  });

  it('lists a thousand of each kind', () => {
    const whole = { failed: [] as number[] };
    for (let n = 0; n < 3; n++) addTally(whole, { failed: Array.from({ length: 400 }, () => n) });
    expect(whole.failed).toHaveLength(1000);
    expect(whole.failed.at(-1)).toBe(2);
    addTally(whole, { failed: [3] });
    expect(whole.failed).toHaveLength(1000);
  });
});

describe('the name of a key in a report', () => {
  it('is its id, and that of no key is "none"', () => {
    expect(keyName('0a1b2c3d')).toBe('0a1b2c3d');
    for (const id of [undefined, null, 5, {}]) expect(keyName(id)).toBe('none');
    for (const id of ['toString', '__proto__']) expect(keyName(id)).toBe(`(${id})`);
  });

  it('is the number of a tenant key for all tenants together [R5]', () => {
    expect(keyGroup('t12-0a1b2c3d')).toBe('t12');
    expect(keyGroup('0a1b2c3d')).toBe('0a1b2c3d');
    expect(keyGroup(undefined)).toBe('none');
  });
});
