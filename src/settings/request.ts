import { Refusal } from './answer.ts';

/** The most bytes that the body of a request may have. @internal */
export const MAX_BODY_BYTES = 64 * 1024;

/** What a request is about: the overview, a provider, or the test of one. @internal */
export interface Route {
  readonly provider?: string;
  readonly test?: boolean;
}

/** The route of a URL under `basePath`; a final slash does not matter. @internal */
export function routeOf(url: string, basePath: string): Route | undefined {
  const { pathname } = new URL(url);
  if (pathname !== basePath && !pathname.startsWith(`${basePath}/`)) return undefined;
  const rest = pathname.slice(basePath.length).replace(/^\/|\/$/g, '');
  if (rest === '') return {};
  const [name = '', ...more] = rest.split('/');
  if (more.length > 1 || (more.length === 1 && more[0] !== 'test')) return undefined;
  try {
    return { provider: decodeURIComponent(name), test: more.length === 1 };
  } catch {
    return undefined; // a stray "%"
  }
}

// RFC 9110 §8.8.3, without the obsolete characters.
const STRONG_ETAG = /^"([\x21\x23-\x7e]*)"$/;

/**
 * The version that a change is about: its etag, or `null` where there must be none.
 *
 * @throws Refusal 428 without a condition, 400 for anything but exactly one etag
 * @internal
 */
export function conditionOf(headers: Headers, mayBeNew: boolean): string | null {
  const ifMatch = headers.get('if-match');
  const ifNoneMatch = headers.get('if-none-match');
  if (ifMatch !== null && ifNoneMatch !== null) throw badCondition();
  if (ifMatch !== null) {
    const [, etag] = STRONG_ETAG.exec(ifMatch.trim()) ?? [];
    if (etag === undefined) throw badCondition();
    return etag;
  }
  if (ifNoneMatch !== null && mayBeNew) {
    if (ifNoneMatch.trim() !== '*') throw badCondition();
    return null;
  }
  throw new Refusal(428, 'ERR_CONDITION_MISSING', 'noCondition');
}

function badCondition(): Refusal {
  return new Refusal(400, 'ERR_INVALID_CONDITION', 'badCondition');
}

/**
 * The fields of a form in the body of a request: `{ fields: { [name]: string | null } }`.
 *
 * @returns `undefined` without a body, or without `fields`
 * @throws Refusal 413, 415, or 400
 * @internal
 */
export async function formOf(request: Request): Promise<Record<string, string | null> | undefined> {
  const type = request.headers.get('content-type');
  if (type !== null && !isJson(type)) throw notJson();
  const text = await textOf(request);
  if (text === '' && request.method !== 'PATCH') return undefined;
  if (type === null) throw notJson();
  const body = parsed(text);
  if (!isObject(body) || Object.keys(body).some((name) => name !== 'fields')) throw badRequest();
  const { fields } = body as { fields?: unknown };
  if (fields === undefined) return undefined;
  const isField = (value: unknown) => typeof value === 'string' || value === null;
  if (!isObject(fields) || !Object.values(fields).every(isField)) throw badRequest();
  return fields as Record<string, string | null>;
}

/** @internal */
export function badRequest(): Refusal {
  return new Refusal(400, 'ERR_INVALID_ARGUMENT', 'badRequest');
}

function notJson(): Refusal {
  return new Refusal(415, 'ERR_NOT_JSON', 'notJson');
}

function isJson(type: string): boolean {
  return /^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type.trim());
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest();
  }
}

/** The body, of which no more than the limit is read. */
async function textOf(request: Request): Promise<string> {
  const tooLarge = () => new Refusal(413, 'ERR_TOO_LARGE', 'tooLarge');
  if (Number(request.headers.get('content-length')) > MAX_BODY_BYTES) throw tooLarge();
  const reader = request.body?.getReader();
  if (reader === undefined) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.byteLength;
      if (bytes > MAX_BODY_BYTES) {
        reader.cancel().catch(() => undefined); // the source may hang while it is cancelled
        throw tooLarge();
      }
      chunks.push(value);
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw badRequest(); // the client went away, or the text is not UTF-8
  }
}
