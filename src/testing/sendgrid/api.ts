import { randomBytes } from 'node:crypto';
import { credentialFingerprint } from '../credential-fingerprint.ts';
import {
  bearer,
  type ErrorContent,
  type HttpReply,
  type HttpRequest,
  Refusal,
  type Route,
  route,
} from '../http.ts';
import { Revocations } from '../revocations.ts';
import type { ReceivedRequest, StandInApi } from '../stand-in.ts';
import { type FakeSendGridKey, keyId, maySendFrom, SendGridKeys, scopes } from './keys.ts';
import { describeMail, type FakeSendGridMail, isMail } from './mail.ts';

const USUAL_ERRORS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'The provided authorization grant is invalid, expired, or revoked',
  403: 'access forbidden',
  404: 'not found',
  405: 'method not allowed',
  429: 'too many requests',
  500: 'internal server error',
  503: 'service not available',
};
const UNVERIFIED_SENDER =
  'The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender Identity requirements';

/** The part of SendGrid's API that the stand-in has, and what was sent through it. @internal */
export class SendGridApi implements StandInApi<ReceivedRequest> {
  readonly mails: FakeSendGridMail[] = [];
  readonly revocations: Revocations;
  readonly routes: readonly Route[] = [
    route('GET', '/v3/scopes', (request) => {
      return { status: 200, body: { scopes: scopes(this.#authorize(request)) } };
    }),
    route('GET', '/v3/verified_senders', (request) => {
      const results = this.#senders(request)
        .filter((sender) => sender.includes('@'))
        .map((sender) => ({ from_email: sender, verified: true }));
      return { status: 200, body: { results } };
    }),
    route('GET', '/v3/whitelabel/domains', (request) => {
      const domains = this.#senders(request).filter((sender) => !sender.includes('@'));
      return { status: 200, body: domains.map((domain) => ({ domain, valid: true })) };
    }),
    route('GET', '/v3/api_keys', (request) => {
      this.#authorize(request, 'api_keys.read');
      const result = this.#keys.live().map(({ apiKey, name = '' }) => {
        return { name, api_key_id: keyId(apiKey) };
      });
      return { status: 200, body: { result } };
    }),
    route('POST', '/v3/api_keys', (request) => {
      const maker = this.#authorize(request, 'api_keys.create');
      const { name = '', scopes: wanted = [] } = (parsedBody(request) ?? {}) as NewKey;
      const { apiKey, scopes } = this.#keys.make(name, wanted, maker);
      const made = { api_key: apiKey, api_key_id: keyId(apiKey), name, scopes };
      return { status: 201, body: made };
    }),
    route('DELETE', '/v3/api_keys/:id', (request, { id = '' }) => {
      this.#authorize(request, 'api_keys.delete');
      this.#keys.remove(id);
      return { status: 204 };
    }),
    route('POST', '/v3/mail/send', (request) => this.#send(request)),
  ];
  readonly #keys: SendGridKeys;

  constructor(keys: readonly FakeSendGridKey[], revocationDelayMs: number) {
    this.revocations = new Revocations(revocationDelayMs);
    this.#keys = new SendGridKeys(keys, this.revocations);
  }

  error({ status, message = USUAL_ERRORS[status] ?? 'error', field }: ErrorContent): HttpReply {
    return { status, body: { errors: [{ message, field: field ?? null, help: null }] } };
  }

  describe(request: HttpRequest): { credential: string; body: unknown } {
    return { credential: credentialFingerprint(bearer(request)), body: parsedBody(request) };
  }

  clear(): void {
    this.mails.length = 0;
  }

  /** @throws Refusal unless the request's key exists and has the scope */
  #authorize(request: HttpRequest, scope?: string): FakeSendGridKey {
    const apiKey = bearer(request);
    if (apiKey === '') throw new Refusal({ status: 401, message: 'authorization required' });
    const key = this.#keys.find(apiKey);
    if (key === undefined) throw new Refusal({ status: 401 });
    if (scope !== undefined && !scopes(key).includes(scope)) throw new Refusal({ status: 403 });
    return key;
  }

  /** @throws Refusal for a key that may send from any address: such a key has no scope to ask */
  #senders(request: HttpRequest): readonly string[] {
    const { senders } = this.#authorize(request);
    if (senders === undefined) throw new Refusal({ status: 403 });
    return senders;
  }

  #send(request: HttpRequest): HttpReply {
    const key = this.#authorize(request, 'mail.send');
    const body = parsedBody(request);
    if (!isMail(body)) throw new Refusal({ status: 400 });
    if (!maySendFrom(key, body.from.email)) {
      throw new Refusal({ status: 403, field: 'from', message: UNVERIFIED_SENDER });
    }
    const messageId = randomBytes(16).toString('base64url');
    const credential = credentialFingerprint(key.apiKey);
    this.mails.push({ messageId, credential, ...describeMail(body) });
    return { status: 202, headers: { 'x-message-id': messageId } };
  }
}

interface NewKey {
  readonly name?: string;
  readonly scopes?: readonly string[];
}

function parsedBody(request: HttpRequest): unknown {
  try {
    return JSON.parse(request.body);
  } catch {
    return undefined;
  }
}
