import type {
  AccountHeader,
  ProviderView,
  SettingsFailure,
  SettingsOverview,
  TestResult,
} from '../contract.ts';
import type { ElementStrings } from './strings.ts';

/** Headers that a host adds to each request, such as a CSRF token. @public */
export type RequestHeaders =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

/** The changes of a form, by field. @internal */
export type Changes = Readonly<Record<string, string | null>>;

/** An answer that is not a success, in words for the user. @internal */
export class SettingsError extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly errors: Readonly<Record<string, string>>;
  readonly current: ProviderView | undefined;

  constructor(
    status: number,
    message: string,
    { error, errors, current }: Partial<SettingsFailure> = {},
  ) {
    super(message);
    this.status = status;
    this.code = error?.code;
    this.errors = errors ?? {};
    this.current = current;
  }
}

/** What the client needs of the element. @internal */
export interface ApiHost {
  readonly src: string;
  readonly headers: RequestHeaders;
  readonly words: ElementStrings;
  /** As in `SettingsOverview`, once it is known. */
  readonly account: string | undefined;
}

// A server that is slower than this is down. The handler gives up its tests after 10 seconds.
const TIMEOUT_MS = 30_000;
const ACCOUNT_HEADER: AccountHeader = 'settings-account';

/** The settings contract, from the browser. @internal */
export class Api {
  readonly #host: ApiHost;

  constructor(host: ApiHost) {
    this.#host = host;
  }

  overview(): Promise<SettingsOverview> {
    return this.#send('GET', '/');
  }

  save(name: string, etag: string | null, fields: Changes): Promise<ProviderView> {
    return this.#send('PATCH', `/${encodeURIComponent(name)}`, { fields }, condition(etag));
  }

  test(name: string, fields: Changes | undefined): Promise<TestResult> {
    return this.#send('POST', `/${encodeURIComponent(name)}/test`, { ...(fields && { fields }) });
  }

  remove(name: string, etag: string): Promise<void> {
    return this.#send('DELETE', `/${encodeURIComponent(name)}`, undefined, condition(etag));
  }

  async #send<T>(
    method: string,
    path: string,
    body?: object,
    more: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const { src, headers, words, account } = this.#host;
    let response: Response;
    let text: string;
    try {
      const own = typeof headers === 'function' ? await headers() : headers;
      response = await fetch(src.replace(/\/$/, '') + path, {
        method,
        credentials: 'same-origin',
        headers: {
          ...own,
          ...more,
          ...(account !== undefined && { [ACCOUNT_HEADER]: account }),
          ...(body && { 'content-type': 'application/json' }),
        },
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body && { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch {
      throw new SettingsError(0, words.offline);
    }
    const answer = parsed(text);
    if (response.ok && (answer !== undefined || response.status === 204)) return answer as T;
    const failure = (answer ?? {}) as Partial<SettingsFailure>;
    const message = failure.error?.message;
    const known = !response.ok && typeof message === 'string';
    throw new SettingsError(response.status, known ? message : words.unexpected, failure);
  }
}

function condition(etag: string | null): Record<string, string> {
  return etag === null ? { 'if-none-match': '*' } : { 'if-match': `"${etag}"` };
}

function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined; // a page of a proxy, say
  }
}
