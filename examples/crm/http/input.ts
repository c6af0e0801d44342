import { HttpError } from './http-error.ts';

// JSON bodies may hold anything: { "to": { "$ne": null } } must not reach a database or an SDK.

const PHONE = /^\+[1-9]\d{6,14}$/;
const EMAIL = /^[^\s@<>",;]+@[^\s@<>",;]+\.[^\s@<>",;]+$/;

/** The body as an object, whatever was sent. */
export function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** A required text, without the white space around it. */
export function textOf(body: unknown, name: string, max = 200): string {
  const value = exactTextOf(body, name, max).trim();
  if (value === '') throw required(name);
  return value;
}

/** A required text as it was typed: a password may begin or end with a space. */
export function exactTextOf(body: unknown, name: string, max = 200): string {
  const input = objectOf(body);
  const value = Object.hasOwn(input, name) ? input[name] : undefined;
  if (typeof value !== 'string' || value === '') throw required(name);
  if (value.length > max) throw invalid(name, `At most ${max} characters.`);
  return value;
}

/** A phone number in E.164 form. */
export function phoneOf(body: unknown, name: string): string {
  const value = textOf(body, name);
  if (!PHONE.test(value)) throw invalid(name, 'A phone number starts with + and the country code.');
  return value;
}

export function emailOf(body: unknown, name: string): string {
  const value = textOf(body, name);
  if (!EMAIL.test(value)) throw invalid(name, 'This is not an e-mail address.');
  return value;
}

const required = (name: string) => invalid(name, 'This field is required.');

function invalid(name: string, message: string): HttpError {
  return new HttpError(400, 'INVALID', `${name}: ${message}`, { [name]: message });
}
