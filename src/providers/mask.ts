import type { ProviderDefinition } from './define-provider.ts';

/**
 * Stands for a value of which not even the end may be shown.
 *
 * @public
 */
export const REDACTED = '[redacted]';

const BULLET = '•';
// Always the same number, so that a mask does not tell how long the value is.
const PREFIX = BULLET.repeat(8);
const SHOWN_END = 4;
const MIN_LENGTH_TO_SHOW_END = 12;

const MASK = new RegExp(`^${PREFIX}(?:.{${SHOWN_END}})?$`, 'su');
const LEFT_OF_A_MASK = new RegExp(`${BULLET}{4}`, 'u');

/**
 * The mask of a secret value: eight bullets, and the last 4 characters of a value of 12 or more.
 * White space does not count: a browser drops the line breaks of a PEM from an input, and trims.
 *
 * @internal
 */
export function mask(value: string): string {
  const characters = [...value.replace(/\s/gu, '')];
  if (characters.length < MIN_LENGTH_TO_SHOW_END) return PREFIX;
  return PREFIX + characters.slice(-SHOWN_END).join('');
}

/** Whether `value` is a mask that this library shows, with any white space around it. @internal */
export function isPlaceholder(value: string): boolean {
  const trimmed = value.trim();
  return trimmed === REDACTED || MASK.test(trimmed);
}

/**
 * Whether `value` is a placeholder, or one that somebody typed into. Neither is ever stored.
 *
 * @internal
 */
export function holdsPlaceholder(value: string): boolean {
  return value.trim() === REDACTED || LEFT_OF_A_MASK.test(value);
}

/** Whether a field must be masked; an undefined field must. @internal */
export function isSecret(field: string, definition: ProviderDefinition | undefined): boolean {
  if (definition === undefined || !Object.hasOwn(definition.fields, field)) return true;
  return definition.fields[field]?.secret !== false;
}
