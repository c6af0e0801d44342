import { describe, expect, it } from 'vitest';
import { css } from '../../../src/settings/element/styles.ts';
import { shapePairs, textPairs, tokens } from '../../../src/settings/element/tokens.ts';

// WCAG 2.2, "relative luminance" and "contrast ratio".
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

it('computes contrast as WCAG does', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});

describe.each([
  ['light', 0],
  ['dark', 1],
] as const)('in the %s theme', (_name, scheme) => {
  it.each(textPairs)('%s on %s has a contrast of 4.5', (text, ground) => {
    expect(contrast(tokens[text][scheme], tokens[ground][scheme])).toBeGreaterThanOrEqual(4.5);
  });

  it.each(shapePairs)('%s on %s has a contrast of 3', (shape, ground) => {
    expect(contrast(tokens[shape][scheme], tokens[ground][scheme])).toBeGreaterThanOrEqual(3);
  });
});

it('every colour of the style sheet is a token, and every token is used', () => {
  const rules = css.slice(css.indexOf('display: block'));
  expect(rules.replace(/var\(--ps-[\w-]+, #\w{6}\)/g, '')).not.toMatch(/#[0-9a-f]{3,8}\b/i);
  const used = new Set([...css.matchAll(/var\(--_([\w-]+)\)/g)].map(([, name]) => name));
  expect([...used].sort()).toEqual(Object.keys(tokens).sort());
  const paired = new Set([...textPairs, ...shapePairs].flat());
  const decoration = ['line'];
  expect(Object.keys(tokens).filter((name) => !paired.has(name as never))).toEqual(decoration);
});
