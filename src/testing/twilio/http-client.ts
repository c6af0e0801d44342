import type { RequestClient } from 'twilio';
import { HOST_HEADER } from '../http-stand-in.ts';

/**
 * The part of the `twilio` package that is needed here.
 *
 * @public
 */
export interface TwilioModule {
  /** `twilio.RequestClient`. */
  readonly RequestClient: typeof RequestClient;
}

/**
 * Settings of the HTTP client that `clientOptions()` makes. The SDK ignores its own settings of the
 * same names once it is given an HTTP client, so they are repeated here.
 *
 * @public
 */
export interface FakeTwilioClientSettings {
  /** Milliseconds until a request without an answer fails. Default 30,000. */
  readonly timeout?: number;
  /** Try again on 429. Default false. */
  readonly autoRetry?: boolean;
  /** Tries after the first one, with `autoRetry`. Default 3. */
  readonly maxRetries?: number;
  /** Longest wait between two tries in milliseconds, with `autoRetry`. Default 3,000. */
  readonly maxRetryDelay?: number;
}

type RequestOptions = Parameters<RequestClient['request']>[0];

/**
 * An HTTP client for Twilio's SDK that sends what is meant for `*.twilio.com` to `url`, by the SDK's
 * own `RequestClient`. Anything meant for another host is an error.
 *
 * The SDK is loaded at the first request unless it is given.
 *
 * @internal
 */
export class RedirectedHttpClient {
  readonly #url: string;
  readonly #settings: FakeTwilioClientSettings;
  #client: Promise<RequestClient> | undefined;
  #last: RequestClient | undefined;

  constructor(url: string, twilio: TwilioModule | undefined, settings: FakeTwilioClientSettings) {
    this.#url = url;
    this.#settings = settings;
    if (twilio !== undefined) this.#client = Promise.resolve(this.#create(twilio));
  }

  /** What the SDK's client last sent, as on `RequestClient`. */
  get lastRequest(): RequestClient['lastRequest'] {
    return this.#last?.lastRequest;
  }

  /** What the SDK's client last received, as on `RequestClient`. */
  get lastResponse(): RequestClient['lastResponse'] {
    return this.#last?.lastResponse;
  }

  async request(options: RequestOptions): Promise<unknown> {
    const target = new URL(options.uri);
    if (target.protocol !== 'https:' || !/(^|\.)twilio\.com$/.test(target.hostname)) {
      throw new Error(`The Twilio stand-in does not answer for ${target.hostname}.`);
    }
    this.#client ??= loadTwilio().then((twilio) => this.#create(twilio));
    const client = await this.#client;
    return client.request({
      ...options,
      uri: this.#url + target.pathname + target.search,
      headers: { ...options.headers, [HOST_HEADER]: target.hostname },
    });
  }

  #create(twilio: TwilioModule): RequestClient {
    this.#last = new twilio.RequestClient({ ...this.#settings });
    return this.#last;
  }
}

async function loadTwilio(): Promise<TwilioModule> {
  // A CommonJS module: under ESM it is the default export, and only that.
  const loaded: TwilioModule & { readonly default?: TwilioModule } = await import('twilio');
  return loaded.default ?? loaded;
}

/**
 * The parts of a host such as `api.dublin.ie1.twilio.com`: product, then edge, then region. A lone
 * middle part is the region; `api.twilio.com` is region `us1`.
 *
 * @internal
 */
export function regionOfHost(host: string): { region: string; edge?: string } | undefined {
  const parts = /^(.+)\.twilio\.com$/.exec(host)?.[1]?.split('.');
  if (parts === undefined) return undefined;
  const [, second, third] = parts;
  if (third !== undefined && second !== undefined) return { region: third, edge: second };
  return { region: second ?? 'us1' };
}
