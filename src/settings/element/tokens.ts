/**
 * The colours, as [light, dark]. A host overrides one by the CSS variable of its name: `--ps-text`.
 *
 * @internal
 */
export const tokens = {
  surface: ['#ffffff', '#181b25'],
  sunken: ['#f6f7fb', '#12151d'],
  line: ['#d9dde8', '#333a4c'],
  control: ['#6f7690', '#7f88a3'],
  text: ['#171a26', '#eceef6'],
  soft: ['#565d73', '#aab2c8'],
  accent: ['#4338ca', '#a9a4fb'],
  'on-accent': ['#ffffff', '#12151d'],
  good: ['#0f6144', '#74dfae'],
  'good-wash': ['#dcf5e9', '#12342a'],
  warn: ['#7f4405', '#f2c078'],
  'warn-wash': ['#fdf0d8', '#3a2a11'],
  bad: ['#a81d1b', '#ffa29d'],
  'bad-wash': ['#fde8e7', '#421b1d'],
} as const satisfies Record<string, readonly [string, string]>;

type Token = keyof typeof tokens;

/** Every text on every ground that it stands on. @internal */
export const textPairs: readonly (readonly [Token, Token])[] = [
  ['text', 'surface'],
  ['text', 'sunken'],
  ['soft', 'surface'],
  ['soft', 'sunken'],
  ['accent', 'surface'],
  ['accent', 'sunken'],
  ['on-accent', 'accent'],
  ['good', 'surface'],
  ['good', 'good-wash'],
  ['warn', 'warn-wash'],
  ['text', 'warn-wash'],
  ['bad', 'surface'],
  ['bad', 'sunken'],
  ['bad', 'bad-wash'],
  ['text', 'bad-wash'],
  ['accent', 'bad-wash'],
];
