import { credentialFingerprint } from '../credential-fingerprint.ts';
import { deepFreeze } from '../deep-freeze.ts';
import { HOST_HEADER, type StandInRequest } from '../http-stand-in.ts';
import { readBasicAuth } from './accounts.ts';
import { regionOfHost } from './http-client.ts';

/**
 * A request that reached the Twilio stand-in. It holds no auth token and no secret.
 *
 * @public
 */
export interface FakeTwilioRequest {
  /** `GET`, `POST`, … */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The query's parameters. */
  readonly query: Readonly<Record<string, string>>;
  /** The account in the path, `''` without one. */
  readonly accountSid: string;
  /** What the user name in the request says it authenticates with; right or wrong, see `status`. */
  readonly auth: 'token' | 'apiKey' | 'none';
  /** The SID used as user name; `''` without one, `[redacted]` when it is no SID. */
  readonly username: string;
  /** `credentialFingerprint()` of the auth token or secret that was sent, `''` without one. */
  readonly credential: string;
  /** The host the SDK meant. Absent when the request did not come through `clientOptions()`. */
  readonly host?: string;
  /** The region in `host`, `us1` for `api.twilio.com`. Absent with it. */
  readonly region?: string;
  /** The edge in `host`. Absent when it names none. */
  readonly edge?: string;
  /** The `content-type` header, `''` without one. */
  readonly contentType: string;
  /** The `user-agent` header, `''` without one. */
  readonly userAgent: string;
  /** The form's fields; of a field that is there more than once, the last. */
  readonly body: Readonly<Record<string, string>>;
  /** The form's fields in order, those that are there more than once included. */
  readonly form: readonly (readonly [name: string, value: string])[];
  /** The status it was answered with; 0 when it was left without an answer. */
  readonly status: number;
}

/** Fields whose value is itself a secret. */
const SECRET_FIELDS = new Set(['SipAuthPassword', 'CallToken']);

/**
 * The form in a request's body, empty when the content type is another one.
 *
 * @internal
 */
export function formOf(request: StandInRequest): URLSearchParams {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.header('content-type'));
  return new URLSearchParams(isForm ? request.body.toString('utf8') : '');
}

/**
 * The record of a request, without secrets.
 *
 * @internal
 */
export function describeRequest(
  request: StandInRequest,
  accountSid: string,
  status: number,
): FakeTwilioRequest {
  const { username, password } = readBasicAuth(request.header('authorization')) ?? {
    username: '',
    password: '',
  };
  const host = request.header(HOST_HEADER);
  const form = [...formOf(request)].map(
    ([name, value]) => [name, SECRET_FIELDS.has(name) ? '[redacted]' : value] as const,
  );
  return deepFreeze({
    method: request.method,
    path: request.path,
    query: Object.fromEntries(request.query),
    accountSid,
    auth: authOf(username),
    username:
      username === '' || /^[A-Z]{2}[0-9a-fA-F]{32}$/.test(username) ? username : '[redacted]',
    credential: credentialFingerprint(password),
    ...(host === '' ? {} : { host, ...regionOfHost(host) }),
    contentType: request.header('content-type'),
    userAgent: request.header('user-agent'),
    body: Object.fromEntries(form),
    form,
    status,
  });
}

function authOf(username: string): FakeTwilioRequest['auth'] {
  if (username === '') return 'none';
  return username.startsWith('SK') ? 'apiKey' : 'token';
}
