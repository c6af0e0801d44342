import { describe, expect, it } from 'vitest';
import { isDue, mayBeDue } from '../../../src/lifecycle/due.ts';
import { decodeRecord } from '../../../src/record.ts';

const MINUTE = 60_000;
const NOW = new Date(Date.UTC(2027, 0, 1));
const inMs = (ms: number) => new Date(NOW.getTime() + ms);
const refresh = { expiresAt: 'until', exchange: async () => ({}) };

/** A record as it was first stored, or renewed at a time. */
const stored = (metadata: object = {}) =>
  decodeRecord({ tenantId: 'a', provider: 'google', data: 'x', metadata: { rev: 1, ...metadata } });
const renewed = (at: Date) => stored({ renewedAt: at });

describe('credentials that were never renewed are due', () => {
  it.each([
    ['fifteen minutes before their end', 15 * MINUTE, true],
    ['not before that', 15 * MINUTE + 1, false],
    ['after it', -1, true],
  ])('%s', (_when, leftMs, due) => {
    expect(isDue(refresh, stored(), inMs(leftMs), NOW)).toBe(due);
  });

  it.each([
    [MINUTE, true],
    [MINUTE + 1, false],
  ])('by the margin of their definition, or that of the call: %i ms before', (leftMs, due) => {
    expect(isDue({ ...refresh, marginMs: MINUTE }, stored(), inMs(leftMs), NOW)).toBe(due);
    const wide = { ...refresh, marginMs: 60 * MINUTE };
    expect(isDue(wide, stored(), inMs(leftMs), NOW, MINUTE)).toBe(due);
  });

  it('where their time cannot be read', () => {
    expect(isDue(refresh, stored(), undefined, NOW)).toBe(true);
  });
});

describe('renewed credentials are due', () => {
  it.each([
    ['by the margin, where they live long', 60 * MINUTE, 15 * MINUTE, true],
    ['not before the margin', 60 * MINUTE, 15 * MINUTE + 1, false],
    ['in the middle of their life, where that is short', 10 * MINUTE, 5 * MINUTE, true],
    ['not before the middle', 10 * MINUTE, 5 * MINUTE + 1, false],
  ])('%s', (_when, livesMs, leftMs, due) => {
    const view = renewed(inMs(leftMs - livesMs));
    expect(isDue(refresh, view, inMs(leftMs), NOW)).toBe(due);
  });

  it.each([
    ['has passed already', -MINUTE],
    ['is that of the renewal', 0],
    ['cannot be read', undefined],
  ])('every half minute where the time that came %s', (_what, livesMs) => {
    for (const [age, due] of [
      [29_999, false],
      [30_000, true],
    ] as const) {
      const at = inMs(-age);
      const expiry = livesMs === undefined ? undefined : new Date(at.getTime() + livesMs);
      expect(isDue(refresh, renewed(at), expiry, NOW)).toBe(due);
    }
  });
});

describe('a record that was not opened', () => {
  it('may be due where it does not say until when it is valid', () => {
    for (const view of [stored(), renewed(NOW)]) expect(mayBeDue(refresh, view, NOW)).toBe(true);
  });

  it('is due as its metadata says', () => {
    const until = (leftMs: number) => stored({ expiresAt: inMs(leftMs) });
    expect(mayBeDue(refresh, until(15 * MINUTE), NOW)).toBe(true);
    expect(mayBeDue(refresh, until(15 * MINUTE + 1), NOW)).toBe(false);
    expect(mayBeDue(refresh, until(15 * MINUTE), NOW, MINUTE)).toBe(false);
  });
});
