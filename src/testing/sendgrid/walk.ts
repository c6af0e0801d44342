import { fieldError, type SendGridError } from './errors.ts';
import type { Rule } from './schema.ts';

const EMAIL = /^[^\s@<>()[\],;:"\\]+@[^\s@<>()[\],;:"\\]+\.[^\s@<>()[\],;:"\\]+$/;

const FROM_MESSAGE =
  'The from object must be provided for every email send. It is an object that requires the email parameter, but may also contain a name parameter.';

/** SendGrid's own words for the commonest mistakes, by the field without its indices. */
const MESSAGES: Readonly<Record<string, string>> = {
  personalizations:
    'The personalizations field is required and must have at least one personalization.',
  'personalizations.to':
    'The to array is required for all personalization objects, and must have at least one email object with a valid email address.',
  from: FROM_MESSAGE,
  'from.email': 'The from email does not contain a valid address.',
  'content.value': 'The content value must be a string at least one character in length.',
};

/**
 * Where `value` does not follow `rule`.
 *
 * @param path - the field's name so far, `''` for the whole body
 * @internal
 */
export function violations(rule: Rule, value: unknown, path = ''): SendGridError[] {
  const wrong = (message: string): SendGridError[] => [invalid(path, message)];
  switch (rule.type) {
    case 'email':
      return typeof value === 'string' && EMAIL.test(value)
        ? []
        : wrong('Does not contain a valid address.');
    case 'string':
      return stringViolations(rule, value, path);
    case 'integer':
      return Number.isInteger(value) ? [] : wrong(`The ${path} parameter must be an integer.`);
    case 'boolean':
      return typeof value === 'boolean' ? [] : wrong(`The ${path} parameter must be a boolean.`);
    case 'array':
      return arrayViolations(rule, value, path);
    case 'object':
      return objectViolations(rule, value, path);
  }
}

/**
 * Whether a value is a JSON object.
 *
 * @internal
 */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function stringViolations(
  rule: Extract<Rule, { type: 'string' }>,
  value: unknown,
  path: string,
): SendGridError[] {
  if (typeof value !== 'string') {
    return [invalid(path, `The ${path} parameter must be a string.`)];
  }
  if (value.length < (rule.min ?? 0)) {
    const least = rule.min === 1 ? 'one character' : `${rule.min} characters`;
    return [
      fieldError(path, `The ${path} parameter must be a string at least ${least} in length.`),
    ];
  }
  if (value.length > (rule.max ?? Infinity)) {
    return [fieldError(path, `The ${path} parameter may have ${rule.max} characters at most.`)];
  }
  if (rule.oneOf !== undefined && !rule.oneOf.includes(value)) {
    return [fieldError(path, `The ${path} parameter must be one of: ${rule.oneOf.join(', ')}.`)];
  }
  return [];
}

function arrayViolations(
  rule: Extract<Rule, { type: 'array' }>,
  value: unknown,
  path: string,
): SendGridError[] {
  if (!Array.isArray(value)) return [invalid(path, `The ${path} parameter must be an array.`)];
  if (value.length < (rule.min ?? 0)) {
    return [invalid(path, `The ${path} array must have at least ${rule.min} entry.`)];
  }
  if (value.length > (rule.max ?? Infinity)) {
    return [fieldError(path, `The ${path} array is limited to ${rule.max} entries.`)];
  }
  return value.flatMap((item, index) => violations(rule.items, item, `${path}.${index}`));
}

function objectViolations(
  rule: Extract<Rule, { type: 'object' }>,
  value: unknown,
  path: string,
): SendGridError[] {
  if (!isObject(value)) return [invalid(path, `The ${path} parameter must be an object.`)];
  const prefix = path === '' ? '' : `${path}.`;
  const missing = (rule.required ?? [])
    .filter((name) => value[name] === undefined)
    .map((name) => invalid(prefix + name, `The ${prefix + name} parameter is required.`));
  const wrong = Object.entries(value).flatMap(([name, part]) => {
    const own = Object.hasOwn(rule.fields ?? {}, name) ? rule.fields?.[name] : rule.values;
    return own === undefined ? [] : violations(own, part, prefix + name);
  });
  return [...missing, ...wrong];
}

function invalid(path: string, message: string): SendGridError {
  const field = path === 'from' ? 'from.email' : path;
  return fieldError(field, MESSAGES[path.replace(/\.\d+/g, '')] ?? message);
}
