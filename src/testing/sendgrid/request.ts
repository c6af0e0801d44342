import { gunzipSync } from 'node:zlib';
import { credentialFingerprint } from '../credential-fingerprint.ts';
import { deepFreeze } from '../deep-freeze.ts';
import { HOST_HEADER, type StandInRequest } from '../http-stand-in.ts';
import { residencyOf } from './routing.ts';

/**
 * A request that reached the SendGrid stand-in. It holds no API key.
 *
 * @public
 */
export interface FakeSendGridRequest {
  /** `GET`, `POST`, … */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The query's parameters. */
  readonly query: Readonly<Record<string, string>>;
  /** The scheme of the `authorization` header; SendGrid takes `bearer` only. */
  readonly auth: 'bearer' | 'basic' | 'none';
  /** `credentialFingerprint()` of the API key that was sent, `''` without one. */
  readonly credential: string;
  /** The host the SDK meant. Absent when the request did not come through `route()`. */
  readonly host?: string;
  /** The data residency `host` stands for. Absent with it. */
  readonly region?: 'global' | 'eu';
  /** The `on-behalf-of` header. Absent without one. */
  readonly onBehalfOf?: string;
  /** The `content-type` header, `''` without one. */
  readonly contentType: string;
  /** The `user-agent` header, `''` without one. */
  readonly userAgent: string;
  /** The body's JSON; `undefined` when it is none. */
  readonly body: unknown;
  /** The status it was answered with; 0 when it was left without an answer. */
  readonly status: number;
}

/**
 * The API key in a request, `''` without one.
 *
 * @internal
 */
export function bearerOf(request: StandInRequest): string {
  return /^Bearer +(\S+)$/i.exec(request.header('authorization'))?.[1] ?? '';
}

/**
 * The JSON of a body, gzipped or not.
 *
 * @throws SyntaxError when it is no JSON, RangeError when it is over `maxBytes` unzipped
 * @internal
 */
export function jsonOf(request: StandInRequest, maxBytes: number): unknown {
  const isZipped = request.header('content-encoding') === 'gzip';
  const bytes = isZipped ? gunzipSync(request.body, { maxOutputLength: maxBytes }) : request.body;
  return JSON.parse(bytes.toString('utf8'));
}

/**
 * The record of a request, without secrets.
 *
 * @internal
 */
export function describeRequest(
  request: StandInRequest,
  body: unknown,
  status: number,
): FakeSendGridRequest {
  const scheme = request.header('authorization').split(' ', 1)[0]?.toLowerCase();
  const host = request.header(HOST_HEADER);
  const region = residencyOf(host);
  const onBehalfOf = request.header('on-behalf-of');
  return deepFreeze({
    method: request.method,
    path: request.path,
    query: Object.fromEntries(request.query),
    auth: scheme === 'bearer' || scheme === 'basic' ? scheme : 'none',
    credential: credentialFingerprint(bearerOf(request)),
    ...(host === '' ? {} : { host }),
    ...(region === undefined ? {} : { region }),
    ...(onBehalfOf === '' ? {} : { onBehalfOf }),
    contentType: request.header('content-type'),
    userAgent: request.header('user-agent'),
    body,
    status,
  });
}
