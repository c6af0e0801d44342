/**
 * The colours, as [light, dark]. A host overrides one by the CSS variable of its name: `--ps-text`.
 *
 * @internal
 */
export const tokens = {
  surface: ['#ffffff', '#16181f'],
  sunken: ['#f7f8fa', '#101218'],
  line: ['#e2e5ec', '#2b2f3b'],
  control: ['#858b9e', '#6f768c'],
  text: ['#16181f', '#eceef4'],
  soft: ['#5a6072', '#a3aabd'],
  accent: ['#4a40d4', '#a8a5fb'],
  'on-accent': ['#ffffff', '#12141b'],
  good: ['#0d6645', '#6fdcab'],
  'good-wash': ['#e4f6ed', '#12302a'],
  warn: ['#85470a', '#f0c07a'],
  'warn-wash': ['#fdf3e1', '#33271a'],
  bad: ['#b3201d', '#ff9f9a'],
  'bad-wash': ['#fdecea', '#3a1d20'],
} as const satisfies Record<string, readonly [string, string]>;

type Token = keyof typeof tokens;
type Pairs = readonly (readonly [Token, Token])[];

/** Every text on every ground that it stands on: a contrast of 4.5 or more. @internal */
export const textPairs: Pairs = [
  ['text', 'surface'],
  ['text', 'sunken'],
  ['text', 'warn-wash'],
  ['text', 'bad-wash'],
  ['soft', 'surface'],
  ['soft', 'sunken'],
  ['accent', 'surface'],
  ['accent', 'sunken'],
  ['on-accent', 'accent'],
  ['on-accent', 'bad'],
  ['good', 'surface'],
  ['good', 'good-wash'],
  ['warn', 'warn-wash'],
  ['bad', 'surface'],
  ['bad', 'sunken'],
  ['bad', 'bad-wash'],
];

/** Shapes that a user must be able to see, such as borders and the focus ring: 3 or more. @internal */
export const shapePairs: Pairs = [
  ['control', 'surface'],
  ['control', 'sunken'],
  ['accent', 'surface'],
  ['accent', 'sunken'],
  ['accent', 'bad-wash'],
  ['accent', 'warn-wash'],
  ['bad', 'surface'],
  ['soft', 'surface'],
];
