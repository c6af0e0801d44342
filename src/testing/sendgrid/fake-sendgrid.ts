import type { Server } from 'node:http';
import { listen, type ReceivedRequest, StandIn } from '../stand-in.ts';
import { SendGridApi } from './api.ts';
import type { FakeSendGridKey } from './keys.ts';
import type { FakeSendGridMail } from './mail.ts';

/**
 * Options of `FakeSendGrid.start`.
 *
 * @public
 */
export interface FakeSendGridOptions {
  /** The API keys that exist. Default: none, and every request is refused. */
  readonly keys?: readonly FakeSendGridKey[];
  /** Milliseconds for which a revoked key still works. Default 0; at SendGrid it is minutes. */
  readonly revocationDelayMs?: number;
}

/**
 * A stand-in of SendGrid's v3 API on 127.0.0.1, for tests and demos that use the official SDK
 * without the network. Nothing is sent to anybody.
 *
 * It has `POST /v3/mail/send`, and `GET /v3/scopes`, `/v3/verified_senders` and
 * `/v3/whitelabel/domains`. API keys (`/v3/api_keys`) can be listed, made (100 at most) and revoked. It
 * checks keys, scopes and senders, and answers and refuses in SendGrid's form. A mail needs a sender and
 * recipients; its other fields are not checked: order other refusals with `failNext`.
 *
 * Give its `url` to `getSendGridClient` as `baseUrl`, or to a service of the SDK by
 * `service.client.setDefaultRequest('baseUrl', url)`, after `setApiKey`, which resets it.
 *
 * @example
 * ```ts
 * const sendgrid = await FakeSendGrid.start({ keys: [{ apiKey }] });
 * const mail = await getSendGridClient(vault, { tenantId, baseUrl: sendgrid.url });
 * await mail.send({ to, from, subject, text });
 * sendgrid.mails; // what was sent
 * await sendgrid.close();
 * ```
 * @public
 */
export class FakeSendGrid extends StandIn<ReceivedRequest> {
  /** Every mail accepted so far, in order; a live list. */
  readonly mails: readonly FakeSendGridMail[];

  private constructor(server: Server, api: SendGridApi) {
    super(server, api);
    this.mails = api.mails;
  }

  /**
   * Starts it on a free port.
   *
   * @throws TypeError for an API key that is malformed or given twice
   */
  static async start(options: FakeSendGridOptions = {}): Promise<FakeSendGrid> {
    const api = new SendGridApi(options.keys ?? [], options.revocationDelayMs ?? 0);
    return new FakeSendGrid(await listen(), api);
  }
}
