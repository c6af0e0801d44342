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
import {
  basicAuth,
  type FakeTwilioAccount,
  type FakeTwilioOptions,
  TwilioAccounts,
} from './accounts.ts';
import { HOST_HEADER } from './request-client.ts';
import {
  accountResource,
  callResource,
  list,
  messageResource,
  numberResource,
  type Resource,
} from './resources.ts';
import { type FakeTwilioCall, type FakeTwilioMessage, newCall, newMessage } from './sent.ts';

/**
 * A request that reached the Twilio stand-in. It holds no auth token and no secret.
 *
 * @public
 */
export interface FakeTwilioRequest extends ReceivedRequest {
  /** The account in the path, `''` without one. */
  readonly accountSid: string;
  /** The kind of credential, judged by the scheme and the user name; `status` tells whether it was accepted. */
  readonly auth: 'token' | 'apiKey' | 'oauth' | 'none';
  /** The SID used as user name; `''` without one, `[redacted]` when it is not a SID. */
  readonly username: string;
  /** The host the SDK meant. Absent when the request did not come through `clientOptions()`. */
  readonly host?: string;
  /** The form's fields; those that occur more than once are lists. */
  readonly body: Readonly<Record<string, string | readonly string[]>>;
}

const USUAL_ERRORS: Readonly<Record<number, readonly [code: number, message: string]>> = {
  401: [20003, 'Authenticate'],
  403: [20403, 'Forbidden'],
  404: [20404, 'The requested resource was not found'],
  405: [20004, 'Method not allowed'],
  429: [20429, 'Too Many Requests'],
  500: [20500, 'Internal Server Error'],
  503: [20503, 'Service unavailable'],
};
const SECRET_FIELDS = new Set(['SipAuthPassword', 'CallToken', 'client_secret']);

/** The part of Twilio's API that the stand-in has, and what was sent through it. @internal */
export class TwilioApi implements StandInApi<FakeTwilioRequest> {
  readonly messages: FakeTwilioMessage[] = [];
  readonly calls: FakeTwilioCall[] = [];
  readonly revocations: Revocations;
  readonly routes: readonly Route[];
  readonly #accounts: TwilioAccounts;

  constructor({
    accounts = [],
    revocationDelayMs = 0,
    oauthTokenSeconds = 3600,
  }: FakeTwilioOptions) {
    this.revocations = new Revocations(revocationDelayMs);
    this.#accounts = new TwilioAccounts(accounts, this.revocations);
    const since = new Date();
    this.routes = [
      route('POST', '/v2/token', (request) => {
        const fields = form(request);
        const [id, secret] = [fields.get('client_id') ?? '', fields.get('client_secret') ?? ''];
        const token = this.#accounts.issueToken(id, secret, oauthTokenSeconds);
        return ok({ access_token: token, token_type: 'Bearer', expires_in: oauthTokenSeconds });
      }),
      this.#route('GET', '', (account) => ok(accountResource(account, since)), true),
      ...this.#keyRoutes(),
      ...this.#tokenRoutes(),
      ...this.#sentRoutes('Messages', this.messages, newMessage, messageResource, 21660),
      ...this.#sentRoutes('Calls', this.calls, newCall, callResource, 21210),
      this.#route('GET', '/IncomingPhoneNumbers', (account, { query }) => {
        const { accountSid, phoneNumbers = [] } = account;
        const numbers = phoneNumbers.map((number) => numberResource(accountSid, number, since));
        return ok(list('incoming_phone_numbers', numbers, query));
      }),
    ];
  }

  error({ status, ...content }: ErrorContent): HttpReply {
    const [usualCode, usualMessage] = USUAL_ERRORS[status] ?? [20000 + status, 'Error'];
    const { code = usualCode, message = usualMessage } = content;
    const moreInfo = `https://www.twilio.com/docs/errors/${code}`;
    return { status, body: { code, message, more_info: moreInfo, status } };
  }

  describe(request: HttpRequest): ReturnType<StandInApi<FakeTwilioRequest>['describe']> {
    const { username, password } = basicAuth(request);
    const token = bearer(request);
    const kind = username.startsWith('SK') ? 'apiKey' : 'token';
    const withoutName = token === '' ? 'none' : 'oauth';
    const host = request.header(HOST_HEADER);
    return {
      accountSid: /\/Accounts\/(AC[0-9a-f]{32})\b/i.exec(request.path)?.[1] ?? '',
      auth: username === '' ? withoutName : kind,
      username: /^([A-Z]{2}[0-9a-f]{32})?$/i.test(username) ? username : '[redacted]',
      credential: credentialFingerprint(password || token),
      ...(host === '' ? {} : { host }),
      body: withoutSecrets(form(request)),
    };
  }

  clear(): void {
    this.messages.length = 0;
    this.calls.length = 0;
  }

  /** API keys, which only the auth token or a main key may list, make and delete. */
  #keyRoutes(): Route[] {
    const owner = (request: HttpRequest, accountSid: string | null = null) =>
      this.#accounts.authorize(request, accountSid ?? basicAuth(request).username, true);
    return [
      route('GET', '/v1/Keys', (request) => {
        const { query } = request;
        const keys = this.#accounts.liveKeys(owner(request, query.get('AccountSid')));
        const size = Number(query.get('PageSize') ?? 50);
        const page = Number(query.get('Page') ?? 0);
        const shown = keys.slice(page * size, (page + 1) * size);
        query.set('Page', String(page + 1));
        const next =
          keys.length > (page + 1) * size ? `https://iam.twilio.com/v1/Keys?${query}` : null;
        return ok({
          keys: shown.map(({ sid, friendlyName = '' }) => ({ sid, friendly_name: friendlyName })),
          meta: { key: 'keys', next_page_url: next },
        });
      }),
      route('POST', '/v1/Keys', (request) => {
        const fields = form(request);
        const account = owner(request, fields.get('AccountSid'));
        const { sid, secret, friendlyName } = this.#accounts.addKey(
          account,
          fields.get('FriendlyName') ?? '',
        );
        return { status: 201, body: { sid, secret, friendly_name: friendlyName } };
      }),
      route('DELETE', '/v1/Keys/:sid', (request, { sid = '' }) => {
        this.#accounts.removeKey(owner(request), sid);
        return { status: 204 };
      }),
    ];
  }

  /** The secondary auth token and its promotion, which ends the primary one at once. */
  #tokenRoutes(): Route[] {
    const owner = (request: HttpRequest) =>
      this.#accounts.authorize(request, basicAuth(request).username, true);
    return [
      route('POST', '/v1/AuthTokens/Secondary', (request) => {
        const account = owner(request);
        if (account.authTokenSecondary) {
          throw new Refusal({ status: 400, message: 'A secondary auth token exists' });
        }
        account.authTokenSecondary = randomBytes(16).toString('hex');
        const { accountSid, authTokenSecondary } = account;
        const made = { account_sid: accountSid, secondary_auth_token: authTokenSecondary };
        return { status: 201, body: made };
      }),
      route('DELETE', '/v1/AuthTokens/Secondary', (request) => {
        const account = owner(request);
        if (!account.authTokenSecondary) throw new Refusal({ status: 404 });
        delete account.authTokenSecondary;
        return { status: 204 };
      }),
      route('POST', '/v1/AuthTokens/Promote', (request) => {
        const account = owner(request);
        if (!account.authTokenSecondary) throw new Refusal({ status: 404 });
        account.authToken = account.authTokenSecondary;
        delete account.authTokenSecondary;
        return ok({ account_sid: account.accountSid, auth_token: account.authToken });
      }),
    ];
  }

  /** Create, list (the newest first, as Twilio does) and fetch. */
  #sentRoutes<T extends FakeTwilioMessage | FakeTwilioCall>(
    name: 'Messages' | 'Calls',
    sent: T[],
    create: (accountSid: string, form: URLSearchParams) => T,
    resource: (one: T) => Resource,
    foreignNumberCode: number,
  ): Route[] {
    const sentBy = ({ accountSid }: FakeTwilioAccount) =>
      sent.filter((one) => one.accountSid === accountSid);
    return [
      this.#route('POST', `/${name}`, ({ accountSid, phoneNumbers }, request) => {
        const one = create(accountSid, form(request));
        if (phoneNumbers && one.from?.startsWith('+') && !phoneNumbers.includes(one.from)) {
          const message = `The number ${one.from} does not belong to the account ${accountSid}`;
          throw new Refusal({ status: 400, code: foreignNumberCode, message });
        }
        sent.push(one);
        return { status: 201, body: resource(one) };
      }),
      this.#route('GET', `/${name}`, (account, { query }) =>
        ok(list(name.toLowerCase(), sentBy(account).reverse().map(resource), query)),
      ),
      this.#route('GET', `/${name}/:sid`, (account, _request, sid) => {
        const one = sentBy(account).find((candidate) => candidate.sid === sid);
        if (one === undefined) throw new Refusal({ status: 404 });
        return ok(resource(one));
      }),
    ];
  }

  /** A route below one account, for requests whose credentials open it. */
  #route(
    method: string,
    path: string,
    answer: (account: FakeTwilioAccount, request: HttpRequest, sid: string) => HttpReply,
    needsMainKey = false,
  ): Route {
    const template = `/2010-04-01/Accounts/:accountSid${path}.json`;
    return route(method, template, (request, { accountSid = '', sid = '' }) =>
      answer(this.#accounts.authorize(request, accountSid, needsMainKey), request, sid),
    );
  }
}

function ok(body: Resource): HttpReply {
  return { status: 200, body };
}

function form(request: HttpRequest): URLSearchParams {
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(request.header('content-type'));
  return new URLSearchParams(isForm ? request.body : '');
}

function withoutSecrets(fields: URLSearchParams): FakeTwilioRequest['body'] {
  return Object.fromEntries(
    [...new Set(fields.keys())].map((name) => {
      const [first = '', ...more] = fields.getAll(name);
      if (SECRET_FIELDS.has(name)) return [name, '[redacted]'];
      return [name, more.length === 0 ? first : [first, ...more]];
    }),
  );
}
