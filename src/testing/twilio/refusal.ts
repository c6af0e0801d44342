import type { StandInReply } from '../http-stand-in.ts';

/** Twilio's code and message where a status alone says what went wrong. */
const USUAL: Readonly<Record<number, readonly [code: number, message: string]>> = {
  401: [20003, 'Authenticate'],
  403: [20403, 'Forbidden'],
  404: [20404, 'The requested resource was not found'],
  405: [20004, 'Method not allowed'],
  413: [20413, 'Request Entity Too Large'],
  429: [20429, 'Too Many Requests'],
  500: [20500, 'Internal Server Error'],
  503: [20503, 'Service unavailable'],
};

/**
 * Why Twilio refuses a request; thrown by the checks, turned into the answer by the server.
 *
 * @internal
 */
export class TwilioRefusal extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code?: number, message?: string) {
    const [usualCode, usualMessage] = USUAL[status] ?? [20000 + status, 'Error'];
    super(message ?? usualMessage);
    this.status = status;
    this.code = code ?? usualCode;
  }

  /** The refusal as Twilio's JSON: `code`, `message`, `more_info`, `status`. */
  toReply(): StandInReply {
    const { status, code, message } = this;
    const body = { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status };
    const headers = { 'www-authenticate': 'Basic realm="Twilio API"' };
    return status === 401 ? { status, headers, body } : { status, body };
  }
}
