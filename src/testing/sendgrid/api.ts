import { randomBytes } from 'node:crypto';
import { credentialFingerprint } from '../credential-fingerprint.ts';
import { deepFreeze } from '../deep-freeze.ts';
import {
  HOST_HEADER,
  type StandInProvider,
  type StandInReply,
  type StandInRequest,
} from '../http-stand-in.ts';
import type { StandInFailure } from '../stand-in-failure.ts';
import { errorReply, errorsReply } from './errors.ts';
import type { FakeSendGridKey, SendGridKeys } from './keys.ts';
import { type Mail, mailErrors, recipientsOf } from './mail.ts';
import { bearerOf, describeRequest, type FakeSendGridRequest, jsonOf } from './request.ts';
import { residencyOf } from './routing.ts';
import { isObject } from './walk.ts';

/**
 * A mail that the stand-in accepted.
 *
 * @public
 */
export interface FakeSendGridMail {
  /** As in the answer's `x-message-id` header. */
  readonly messageId: string;
  /** `credentialFingerprint()` of the API key that sent it. */
  readonly credential: string;
  /** The data residency it was sent through. Absent when it did not come through `route()`. */
  readonly region?: 'global' | 'eu';
  /** The sender's address. */
  readonly from: string;
  /** The recipients' addresses: to, cc and bcc of every personalization, in order. */
  readonly to: readonly string[];
  /** The subject, of the first personalization if it has its own; `''` without one. */
  readonly subject: string;
  /** The `text/plain` content, `''` without one. */
  readonly text: string;
  /** The `text/html` content, `''` without one. */
  readonly html: string;
  /** The template, `''` without one. */
  readonly templateId: string;
  /** The body as sent. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** The paths there are: the method each takes and the scope it needs. */
const ROUTES: Readonly<Record<string, { readonly method: string; readonly scope?: string }>> = {
  '/v3/mail/send': { method: 'POST', scope: 'mail.send' },
  '/v3/scopes': { method: 'GET' },
  '/v3/user/account': { method: 'GET', scope: 'user.account.read' },
};

/**
 * The part of SendGrid's v3 API that the stand-in has, and what was done through it.
 *
 * @internal
 */
export class SendGridApi implements StandInProvider {
  readonly maxBodyBytes: number;
  readonly requests: FakeSendGridRequest[] = [];
  readonly mails: FakeSendGridMail[] = [];
  readonly #keys: SendGridKeys;

  constructor(keys: SendGridKeys, maxBodyBytes: number) {
    this.#keys = keys;
    this.maxBodyBytes = maxBodyBytes;
  }

  answer(request: StandInRequest): StandInReply {
    if (request.tooLarge) return errorReply(413);
    const route = Object.hasOwn(ROUTES, request.path) ? ROUTES[request.path] : undefined;
    if (route === undefined) return errorReply(404);
    if (request.method !== route.method) return errorReply(405);
    const apiKey = bearerOf(request);
    if (apiKey === '') return errorReply(401, 'authorization required');
    const key = this.#keys.find(apiKey, residencyOf(request.header(HOST_HEADER)));
    if (key === undefined) return errorReply(401);
    const scopes = this.#keys.scopesOf(key);
    if (route.scope !== undefined && !scopes.includes(route.scope)) return errorReply(403);
    switch (request.path) {
      case '/v3/scopes':
        return { status: 200, body: { scopes } };
      case '/v3/user/account':
        return { status: 200, body: { type: 'paid', reputation: 100 } };
      default:
        return this.#send(request, key);
    }
  }

  fail({ status, message }: StandInFailure & { readonly status: number }): StandInReply {
    return errorReply(status, message);
  }

  record(request: StandInRequest, status: number): void {
    let body: unknown;
    try {
      body = jsonOf(request, this.maxBodyBytes);
    } catch {
      // No JSON: nothing to show.
    }
    this.requests.push(describeRequest(request, body, status));
  }

  #send(request: StandInRequest, key: FakeSendGridKey): StandInReply {
    if (request.header('on-behalf-of') !== '') {
      const message = 'The on-behalf-of header does not work with mail/send.';
      return errorReply(403, message, 'on-behalf-of');
    }
    if (!/^application\/json\b/i.test(request.header('content-type'))) return errorReply(415);
    let body: unknown;
    try {
      body = jsonOf(request, this.maxBodyBytes);
    } catch (error) {
      return errorReply(error instanceof RangeError ? 413 : 400);
    }
    if (!isObject(body)) return errorReply(400);
    const errors = mailErrors(body);
    if (errors.length > 0) return errorsReply(400, errors);

    const mail = body as unknown as Mail;
    const senders = [mail.from, ...mail.personalizations.map((one) => one.from ?? mail.from)];
    if (!senders.every(({ email }) => this.#keys.maySendFrom(key, email))) {
      return errorReply(403, UNVERIFIED_SENDER, 'from');
    }
    const messageId = randomBytes(16).toString('base64url');
    const headers = { 'x-message-id': messageId };
    // A sandbox mail is checked and not sent.
    if (mail.mail_settings?.sandbox_mode?.enable) return { status: 200, headers };
    this.mails.push(toMail(request, mail, body, messageId));
    return { status: 202, headers };
  }
}

const UNVERIFIED_SENDER =
  'The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender Identity requirements';

function toMail(
  request: StandInRequest,
  mail: Mail,
  body: Record<string, unknown>,
  messageId: string,
): FakeSendGridMail {
  const region = residencyOf(request.header(HOST_HEADER));
  const contentOf = (type: string): string =>
    mail.content?.find((part) => part.type === type)?.value ?? '';
  return deepFreeze({
    messageId,
    credential: credentialFingerprint(bearerOf(request)),
    ...(region === undefined ? {} : { region }),
    from: mail.from.email,
    to: recipientsOf(mail),
    subject: mail.personalizations[0]?.subject ?? mail.subject ?? '',
    text: contentOf('text/plain'),
    html: contentOf('text/html'),
    templateId: mail.template_id ?? '',
    body,
  });
}
