import type { StandInReply } from '../http-stand-in.ts';

/**
 * One entry of SendGrid's `errors`.
 *
 * @internal
 */
export interface SendGridError {
  readonly message: string;
  /** The field at fault, as `personalizations.0.to.0.email`; `null` for the request as a whole. */
  readonly field: string | null;
  readonly help: string | null;
}

const HELP = 'http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message.';

const USUAL: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'The provided authorization grant is invalid, expired, or revoked',
  403: 'access forbidden',
  404: 'not found',
  405: 'method not allowed',
  413: 'content too large',
  415: 'unsupported media type',
  429: 'too many requests',
  500: 'internal server error',
  503: 'service not available',
};

/**
 * An error of a field of the mail.
 *
 * @internal
 */
export function fieldError(field: string, message: string): SendGridError {
  return { message, field, help: HELP + field.replace(/\.\d+/g, '') };
}

/**
 * SendGrid's answer for `status`, with its usual message if none is given.
 *
 * @internal
 */
export function errorReply(
  status: number,
  message = USUAL[status] ?? 'error',
  field: string | null = null,
): StandInReply {
  return errorsReply(status, [{ message, field, help: null }]);
}

/**
 * SendGrid's answer with several errors.
 *
 * @internal
 */
export function errorsReply(status: number, errors: readonly SendGridError[]): StandInReply {
  return { status, body: { errors } };
}
