import type { SettingsFailure } from './contract.ts';
import type { SettingsMessages, Translate } from './messages.ts';

/** An answer that is not a success; `handle` turns it into a response. @internal */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly key: keyof SettingsMessages;
  readonly words: Readonly<Record<string, string>>;
  readonly more: Pick<SettingsFailure, 'errors' | 'current'>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    key: keyof SettingsMessages,
    details: {
      readonly words?: Readonly<Record<string, string>>;
      readonly more?: Pick<SettingsFailure, 'errors' | 'current'>;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(code);
    this.status = status;
    this.code = code;
    this.key = key;
    this.words = details.words ?? {};
    this.more = details.more ?? {};
    this.headers = details.headers ?? {};
  }

  response(say: Translate): Response {
    const error = { code: this.code, message: say(this.key, this.words) };
    return json(this.status, { error, ...this.more }, this.headers);
  }
}

const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

// Names and values come back that users and providers have chosen. As JSON they are data; escaped, they
// are no markup even where a host puts an answer into a page.
const MARKUP = /[<>&\u2028\u2029]/g;

/** @internal */
export function json(status: number, body: object, headers?: Readonly<Record<string, string>>) {
  const text = JSON.stringify(body).replace(
    MARKUP,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new Response(text, {
    status,
    headers: { ...HEADERS, 'content-type': 'application/json; charset=utf-8', ...headers },
  });
}

/** @internal */
export function empty(status: number, headers?: Readonly<Record<string, string>>) {
  return new Response(null, { status, headers: { ...HEADERS, ...headers } });
}
