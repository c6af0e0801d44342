import type { Server } from 'node:http';
import type { RequestClient } from 'twilio';
import { listen, StandIn } from '../stand-in.ts';
import type { FakeTwilioOptions } from './accounts.ts';
import { type FakeTwilioRequest, TwilioApi } from './api.ts';
import {
  type FakeTwilioClientSettings,
  redirectedClient,
  type TwilioModule,
} from './request-client.ts';
import type { FakeTwilioCall, FakeTwilioMessage } from './sent.ts';

/**
 * A stand-in of Twilio's REST API (2010-04-01) on 127.0.0.1, for tests and demos that use the
 * official SDK without the network. Nothing is sent to anybody.
 *
 * Under `/2010-04-01/Accounts/{Sid}` it has the account itself, `Messages` and `Calls` (create, list,
 * fetch) and `IncomingPhoneNumbers` (list); `/v2/token` gives tokens to the OAuth apps of accounts. It checks the credentials, and answers and refuses in
 * Twilio's form. It has API keys (`/v1/Keys`), and the secondary auth token with its promotion
 * (`/v1/AuthTokens`). It does not check the fields of a message or a call, except that `From` belongs to
 * an account that has `phoneNumbers`: order other refusals with `failNext`.
 *
 * @example
 * ```ts
 * const twilio = await FakeTwilio.start({ accounts: [{ accountSid, authToken }] });
 * const client = await getTwilioClient(vault, { tenantId, client: twilio.clientOptions() });
 * await client.messages.create({ to, from, body });
 * twilio.messages; // what was sent
 * await twilio.close();
 * ```
 * @public
 */
export class FakeTwilio extends StandIn<FakeTwilioRequest> {
  /** Every message accepted so far, in order; a live list. */
  readonly messages: readonly FakeTwilioMessage[];
  /** Every call accepted so far, in order; a live list. */
  readonly calls: readonly FakeTwilioCall[];
  readonly #twilio: TwilioModule;

  private constructor(server: Server, api: TwilioApi, twilio: TwilioModule) {
    super(server, api);
    this.messages = api.messages;
    this.calls = api.calls;
    this.#twilio = twilio;
  }

  /**
   * Starts it on a free port. The package `twilio` must be installed.
   *
   * @throws TypeError for an account whose SID or credentials are malformed, or that is given twice
   */
  static async start(options: FakeTwilioOptions = {}): Promise<FakeTwilio> {
    const api = new TwilioApi(options);
    const { default: twilio } = await import('twilio');
    return new FakeTwilio(await listen(), api, twilio);
  }

  /**
   * Options for the constructor of Twilio's SDK, and for `getTwilioClient`, that send its requests
   * here. They hold the SDK's own HTTP client; a request for a host other than `*.twilio.com` is an
   * error.
   *
   * @param settings - timeout, retries and connections of the HTTP client
   */
  clientOptions(settings: FakeTwilioClientSettings = {}): { httpClient: RequestClient } {
    return { httpClient: redirectedClient(this.#twilio, this.url, settings) };
  }
}
