import { inspect } from 'node:util';
import { HttpStandIn } from './http-stand-in.ts';
import { type FakeSendGridMail, SendGridApi } from './sendgrid/api.ts';
import { type FakeSendGridKey, SendGridKeys } from './sendgrid/keys.ts';
import type { FakeSendGridRequest } from './sendgrid/request.ts';
import { routeTo } from './sendgrid/routing.ts';
import type { StandInFailure } from './stand-in-failure.ts';

export type { FakeSendGridMail } from './sendgrid/api.ts';
export type { FakeSendGridKey } from './sendgrid/keys.ts';
export type { FakeSendGridRequest } from './sendgrid/request.ts';
export type { StandInFailure } from './stand-in-failure.ts';

const DEFAULT_MAX_BODY_BYTES = 30 * 1024 * 1024;

/**
 * Options of {@link startFakeSendGrid}.
 *
 * @public
 */
export interface FakeSendGridOptions {
  /** The API keys that exist. Default: none, and every request is refused. */
  readonly keys?: readonly FakeSendGridKey[];
  /** Largest request body in bytes; a larger one is refused with 413. Default 31,457,280. */
  readonly maxBodyBytes?: number;
}

/**
 * A running stand-in of SendGrid's v3 API, see {@link startFakeSendGrid}.
 *
 * @public
 */
export interface FakeSendGrid {
  /** `http://127.0.0.1:PORT`; for `client.setDefaultRequest('baseUrl', url)` after `setApiKey`. */
  readonly url: string;
  /** Every request so far in order, refused ones too; a live list. */
  readonly requests: readonly FakeSendGridRequest[];
  /** Every mail accepted for sending so far, in order; a live list. */
  readonly mails: readonly FakeSendGridMail[];
  /**
   * Makes this `MailService` of `@sendgrid/mail`, or `Client` of `@sendgrid/client`, send here from
   * now on, whatever its key and data residency, and tell which host the request was for. Unlike
   * `baseUrl` it survives `setApiKey` and `setDataResidency`.
   *
   * @returns the same object
   * @throws TypeError when it is neither of the two
   */
  route<T extends object>(service: T): T;
  /**
   * Makes the next request, or the next `times`, fail. Failures planned one after the other are used
   * in that order.
   *
   * @throws TypeError when the failure says nothing or a number is out of range
   */
  failNext(failure: StandInFailure): void;
  /** Forgets requests, mails and planned failures. */
  clear(): void;
  /** Stops. Open connections end at once, those of requests that wait for an answer too. */
  close(): Promise<void>;
}

/**
 * Starts a stand-in of SendGrid's v3 API on a free port of 127.0.0.1, for tests and demos that use
 * the official SDK without the network.
 *
 * It has `POST /v3/mail/send`, `GET /v3/scopes` and `GET /v3/user/account`. Keys, scopes and senders
 * are checked against `keys`, a mail as SendGrid checks it, and errors have SendGrid's form. Nothing
 * is sent to anybody. One thing is stricter: a mail with an `on-behalf-of` header is refused (403),
 * while SendGrid takes it and sends it for the key's own account.
 *
 * @throws TypeError for an API key of the wrong form
 * @public
 */
export async function startFakeSendGrid(options: FakeSendGridOptions = {}): Promise<FakeSendGrid> {
  const keys = new SendGridKeys(options.keys ?? []);
  const api = new SendGridApi(keys, options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES);
  return new RunningFakeSendGrid(api, await HttpStandIn.start(api));
}

class RunningFakeSendGrid implements FakeSendGrid {
  readonly #api: SendGridApi;
  readonly #server: HttpStandIn;

  constructor(api: SendGridApi, server: HttpStandIn) {
    this.#api = api;
    this.#server = server;
  }

  get url(): string {
    return this.#server.url;
  }

  get requests(): readonly FakeSendGridRequest[] {
    return this.#api.requests;
  }

  get mails(): readonly FakeSendGridMail[] {
    return this.#api.mails;
  }

  route<T extends object>(service: T): T {
    routeTo(this.url, service);
    return service;
  }

  failNext(failure: StandInFailure): void {
    this.#server.failures.add(failure);
  }

  clear(): void {
    this.#server.failures.clear();
    for (const list of [this.#api.requests, this.#api.mails]) list.length = 0;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  toJSON(): Record<string, unknown> {
    const { url, requests, mails } = this;
    return { url, requests: requests.length, mails: mails.length };
  }

  [inspect.custom](): string {
    return `FakeSendGrid ${inspect(this.toJSON())}`;
  }
}
