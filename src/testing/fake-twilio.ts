import { inspect } from 'node:util';
import type { RequestClient } from 'twilio';
import { HttpStandIn } from './http-stand-in.ts';
import type { StandInFailure } from './stand-in-failure.ts';
import { type FakeTwilioAccount, TwilioAccounts } from './twilio/accounts.ts';
import { TwilioApi } from './twilio/api.ts';
import {
  type FakeTwilioClientSettings,
  RedirectedHttpClient,
  type TwilioModule,
} from './twilio/http-client.ts';
import type { FakeTwilioRequest } from './twilio/request.ts';
import type { FakeTwilioCall, FakeTwilioMessage } from './twilio/sent.ts';

export type { StandInFailure } from './stand-in-failure.ts';
export type { FakeTwilioAccount, FakeTwilioApiKey } from './twilio/accounts.ts';
export type { FakeTwilioClientSettings, TwilioModule } from './twilio/http-client.ts';
export type { FakeTwilioRequest } from './twilio/request.ts';
export type { FakeTwilioCall, FakeTwilioMessage } from './twilio/sent.ts';

const DEFAULT_MAX_BODY_BYTES = 1_048_576;

/**
 * Options of {@link startFakeTwilio}.
 *
 * @public
 */
export interface FakeTwilioOptions {
  /** The accounts that exist. Default: none, and every request is refused. */
  readonly accounts?: readonly FakeTwilioAccount[];
  /** Largest request body in bytes; a larger one is refused with 413. Default 1,048,576. */
  readonly maxBodyBytes?: number;
}

/**
 * What `clientOptions()` gives: options for the constructor of Twilio's SDK.
 *
 * @public
 */
export interface FakeTwilioClientOptions {
  /** Sends what is meant for `*.twilio.com` to the stand-in, and nothing else anywhere. */
  httpClient: RequestClient;
}

/**
 * A running stand-in of Twilio's REST API (2010-04-01), see {@link startFakeTwilio}.
 *
 * @public
 */
export interface FakeTwilio {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Every request so far in order, refused ones too; a live list. */
  readonly requests: readonly FakeTwilioRequest[];
  /** Every message accepted so far, in order; a live list. */
  readonly messages: readonly FakeTwilioMessage[];
  /** Every call accepted so far, in order; a live list. */
  readonly calls: readonly FakeTwilioCall[];
  /**
   * Options for Twilio's SDK that send its requests here: `twilio(sid, token, clientOptions())`.
   * They hold an HTTP client that wraps the SDK's own `RequestClient`, takes requests for
   * `*.twilio.com` only, and notes which host they were for.
   *
   * @param twilio - the `twilio` package. Default: imported at the first request.
   * @param settings - timeout and retries of the HTTP client
   */
  clientOptions(
    twilio?: TwilioModule,
    settings?: FakeTwilioClientSettings,
  ): FakeTwilioClientOptions;
  /**
   * Makes the next request, or the next `times`, fail. Failures planned one after the other are used
   * in that order.
   *
   * @throws TypeError when the failure says nothing or a number is out of range
   */
  failNext(failure: StandInFailure): void;
  /** Forgets requests, messages, calls and planned failures. */
  clear(): void;
  /** Stops. Open connections end at once, those of requests that wait for an answer too. */
  close(): Promise<void>;
}

/**
 * Starts a stand-in of Twilio's REST API on a free port of 127.0.0.1, for tests and demos that use
 * the official SDK without the network.
 *
 * It has, under `/2010-04-01/Accounts/{Sid}`: the account itself, `Messages` and `Calls` (create,
 * list, fetch) and `IncomingPhoneNumbers` (list). Credentials are checked against `accounts`, fields
 * as Twilio checks them, and errors have Twilio's form and codes. Nothing is sent to anybody.
 * The numbers that Twilio's test credentials refuse, `+15005550001` and its like, are refused too.
 *
 * @throws TypeError for an account whose SID or credentials have the wrong form
 * @public
 */
export async function startFakeTwilio(options: FakeTwilioOptions = {}): Promise<FakeTwilio> {
  const accounts = new TwilioAccounts(options.accounts ?? []);
  const api = new TwilioApi(accounts, options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES);
  return new RunningFakeTwilio(api, await HttpStandIn.start(api));
}

class RunningFakeTwilio implements FakeTwilio {
  readonly #api: TwilioApi;
  readonly #server: HttpStandIn;

  constructor(api: TwilioApi, server: HttpStandIn) {
    this.#api = api;
    this.#server = server;
  }

  get url(): string {
    return this.#server.url;
  }

  get requests(): readonly FakeTwilioRequest[] {
    return this.#api.requests;
  }

  get messages(): readonly FakeTwilioMessage[] {
    return this.#api.messages;
  }

  get calls(): readonly FakeTwilioCall[] {
    return this.#api.calls;
  }

  clientOptions(
    twilio?: TwilioModule,
    settings: FakeTwilioClientSettings = {},
  ): FakeTwilioClientOptions {
    const client = new RedirectedHttpClient(this.url, twilio, settings);
    // The SDK uses `request` of it only; the declared class has private members beside.
    return { httpClient: client as unknown as RequestClient };
  }

  failNext(failure: StandInFailure): void {
    this.#server.failures.add(failure);
  }

  clear(): void {
    this.#server.failures.clear();
    for (const list of [this.#api.requests, this.#api.messages, this.#api.calls]) list.length = 0;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  toJSON(): Record<string, unknown> {
    const { url, requests, messages, calls } = this;
    return { url, requests: requests.length, messages: messages.length, calls: calls.length };
  }

  [inspect.custom](): string {
    return `FakeTwilio ${inspect(this.toJSON())}`;
  }
}
