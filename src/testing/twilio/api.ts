import { randomBytes } from 'node:crypto';
import {
  HOST_HEADER,
  type StandInProvider,
  type StandInReply,
  type StandInRequest,
} from '../http-stand-in.ts';
import type { StandInFailure } from '../stand-in-failure.ts';
import { type FakeTwilioAccount, readBasicAuth, type TwilioAccounts } from './accounts.ts';
import { checkCall, checkMessage } from './checks.ts';
import { regionOfHost } from './http-client.ts';
import { listPage } from './list.ts';
import { TwilioRefusal } from './refusal.ts';
import { describeRequest, type FakeTwilioRequest, formOf } from './request.ts';
import {
  accountResource,
  callResource,
  messageResource,
  phoneNumberResource,
} from './resources.ts';
import { type FakeTwilioCall, type FakeTwilioMessage, newCall, newMessage } from './sent.ts';

const PATH =
  /^\/2010-04-01\/Accounts\/(AC[0-9a-fA-F]{32})(?:\/(\w+))?(?:\/([A-Z]{2}[0-9a-fA-F]{32}))?\.json$/;

/**
 * The part of Twilio's 2010 API that the stand-in has, and what was done through it.
 *
 * @internal
 */
export class TwilioApi implements StandInProvider {
  readonly maxBodyBytes: number;
  readonly requests: FakeTwilioRequest[] = [];
  readonly messages: FakeTwilioMessage[] = [];
  readonly calls: FakeTwilioCall[] = [];
  readonly #accounts: TwilioAccounts;
  readonly #since = new Date();

  constructor(accounts: TwilioAccounts, maxBodyBytes: number) {
    this.#accounts = accounts;
    this.maxBodyBytes = maxBodyBytes;
  }

  answer(request: StandInRequest): StandInReply {
    try {
      return withRequestId(this.#route(request));
    } catch (error) {
      const refusal = error instanceof TwilioRefusal ? error : new TwilioRefusal(500);
      return withRequestId(refusal.toReply());
    }
  }

  fail(failure: StandInFailure & { readonly status: number }): StandInReply {
    const { status, code, message } = failure;
    return withRequestId(new TwilioRefusal(status, code, message).toReply());
  }

  record(request: StandInRequest, status: number): void {
    const accountSid = PATH.exec(request.path)?.[1] ?? '';
    this.requests.push(describeRequest(request, accountSid, status));
  }

  #route(request: StandInRequest): StandInReply {
    if (request.tooLarge) throw new TwilioRefusal(413);
    const [, accountSid, resource, sid] = PATH.exec(request.path) ?? [];
    if (accountSid === undefined) throw notFound(request);
    const account = this.#accounts.authorize(
      readBasicAuth(request.header('authorization')),
      accountSid,
      regionOfHost(request.header(HOST_HEADER))?.region,
      resource === undefined,
    );
    if (sid !== undefined) return this.#one(request, accountSid, resource, sid);
    switch (resource) {
      case undefined:
        return get(request, () => accountResource(account, this.#since));
      case 'Messages':
        if (request.method === 'POST') return this.#createMessage(request, account);
        return this.#list(request, 'messages', ofAccount(this.messages, account, messageResource));
      case 'Calls':
        if (request.method === 'POST') return this.#createCall(request, account);
        return this.#list(request, 'calls', ofAccount(this.calls, account, callResource));
      case 'IncomingPhoneNumbers': {
        const numbers = account.phoneNumbers ?? [];
        const resources = numbers.map((number) =>
          phoneNumberResource(accountSid, number, this.#since),
        );
        return this.#list(request, 'incoming_phone_numbers', resources);
      }
      default:
        throw notFound(request);
    }
  }

  #createMessage(request: StandInRequest, account: FakeTwilioAccount): StandInReply {
    const form = formOf(request);
    checkMessage(form, account);
    const message = newMessage(account.accountSid, form);
    this.messages.push(message);
    return { status: 201, body: messageResource(message) };
  }

  #createCall(request: StandInRequest, account: FakeTwilioAccount): StandInReply {
    const form = formOf(request);
    checkCall(form, account);
    const call = newCall(account.accountSid, form);
    this.calls.push(call);
    return { status: 201, body: callResource(call) };
  }

  #list(
    request: StandInRequest,
    key: string,
    resources: readonly Record<string, unknown>[],
  ): StandInReply {
    return get(request, () => listPage(request.path, request.query, key, resources));
  }

  #one(
    request: StandInRequest,
    accountSid: string,
    resource: string | undefined,
    sid: string,
  ): StandInReply {
    return get(request, () => {
      const isIt = (sent: { sid: string; accountSid: string }): boolean =>
        sent.sid === sid && sent.accountSid === accountSid;
      const message = resource === 'Messages' ? this.messages.find(isIt) : undefined;
      if (message !== undefined) return messageResource(message);
      const call = resource === 'Calls' ? this.calls.find(isIt) : undefined;
      if (call !== undefined) return callResource(call);
      throw notFound(request);
    });
  }
}

/** The newest first, as Twilio lists. */
function ofAccount<T extends { readonly accountSid: string }>(
  sent: readonly T[],
  account: FakeTwilioAccount,
  toResource: (one: T) => Record<string, unknown>,
): Record<string, unknown>[] {
  return sent
    .filter((one) => one.accountSid === account.accountSid)
    .map(toResource)
    .reverse();
}

function get(request: StandInRequest, body: () => unknown): StandInReply {
  if (request.method !== 'GET') throw new TwilioRefusal(405);
  return { status: 200, body: body() };
}

function notFound(request: StandInRequest): TwilioRefusal {
  return new TwilioRefusal(404, 20404, `The requested resource ${request.path} was not found`);
}

function withRequestId(reply: StandInReply): StandInReply {
  const id = `RQ${randomBytes(16).toString('hex')}`;
  return { ...reply, headers: { ...reply.headers, 'twilio-request-id': id } };
}
