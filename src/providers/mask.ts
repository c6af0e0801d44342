import type { ProviderDefinition } from './define-provider.ts';

/**
 * What is shown in the place of a value where not even its end may be seen.
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
 * What a settings page shows of a secret value: eight bullets, and the last 4 characters of a value
 * of 12 or more.
 *
 * @internal
 */
export function mask(value: string): string {
  const characters = [...value];
  if (characters.length < MIN_LENGTH_TO_SHOW_END) return PREFIX;
  return PREFIX + characters.slice(-SHOWN_END).join('');
}

/** Whether `value` is what this library shows in the place of some value. @internal */
export function isPlaceholder(value: string): boolean {
  return value === REDACTED || MASK.test(value);
}

/**
 * Whether `value` is a placeholder, or one that somebody has typed into. None is ever stored.
 *
 * @internal
 */
export function holdsPlaceholder(value: string): boolean {
  return value === REDACTED || LEFT_OF_A_MASK.test(value);
}

/** Whether a field must be masked; what is not known of is. @internal */
export function isSecret(field: string, definition: ProviderDefinition | undefined): boolean {
  if (definition === undefined || !Object.hasOwn(definition.fields, field)) return true;
  return definition.fields[field]?.secret !== false;
}
