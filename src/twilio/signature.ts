import { createHmac } from 'node:crypto';
import { parse, stringify } from 'node:querystring';
import { secretKey } from '../clients/secret-text.ts';

/** The parameters of a form: a name that comes several times has an array. @internal */
export type FormParams = Readonly<Record<string, string | readonly string[]>>;

/**
 * The signatures that Twilio may have made for a request: base64 of HMAC-SHA1, with the auth token,
 * over the URL and the sorted parameters. Several, as what Twilio takes for the URL differs between
 * its products: with or without the standard port, and as written or escaped.
 *
 * Standard: twilio.com/docs/usage/security#validating-requests; the cases of the official SDK's
 * `validateRequest`.
 *
 * @internal
 */
export function twilioSignatures(authToken: string, url: string, params: FormParams): string[] {
  const suffix = Object.keys(params)
    .sort()
    .map((name) => withName(name, params[name] ?? ''))
    .join('');
  const key = secretKey(authToken);
  return signedUrls(url).map((signed) =>
    createHmac('sha1', key)
      .update(signed + suffix, 'utf8')
      .digest('base64'),
  );
}

function withName(name: string, value: string | readonly string[]): string {
  const values = typeof value === 'string' ? [value] : [...new Set(value)].sort();
  return values.map((one) => name + one).join('');
}

function signedUrls(url: string): string[] {
  const received = [withoutPort(url), withPort(url)];
  if (!URL.canParse(url)) return received;
  const normalized = new URL(url).toString();
  const escaped = [withoutPort(normalized), withPort(normalized)];
  return [...new Set([...received, ...escaped, ...escaped.map(withLegacyQuery)])];
}

interface UrlParts {
  readonly start: string;
  readonly host: string;
  readonly port: string;
  readonly rest: string;
}

// Not `new URL()`: what was signed is the text, and that would escape some of it.
function split(url: string): UrlParts | undefined {
  const match = /^([a-z][a-z\d+.-]*:\/\/(?:[^/?#]*@)?)(\[[^\]/?#]*\]|[^/?#:]*)(:[^/?#]*)?/i.exec(
    url,
  );
  if (match === null) return undefined;
  const [whole, start = '', host = '', port = ''] = match;
  return { start, host, port, rest: url.slice(whole.length) };
}

function withoutPort(url: string): string {
  const parts = split(url);
  return parts === undefined ? url : parts.start + parts.host + parts.rest;
}

function withPort(url: string): string {
  const parts = split(url);
  if (parts === undefined || parts.port !== '') return url;
  const port = /^https:/i.test(parts.start) ? ':443' : ':80';
  return parts.start + parts.host + port + parts.rest;
}

function withLegacyQuery(url: string): string {
  const mark = url.indexOf('?');
  if (mark === -1 || mark === url.length - 1) return url;
  return `${url.slice(0, mark)}?${stringify(parse(url.slice(mark + 1)))}`;
}
