import { randomBytes } from 'node:crypto';
import { bearer, type HttpRequest, Refusal } from '../http.ts';
import type { Revocations } from '../revocations.ts';

/**
 * An API key of a {@link FakeTwilioAccount}.
 *
 * @public
 */
export interface FakeTwilioApiKey {
  /** `SK` and 32 hex digits. */
  readonly sid: string;
  /** The key's secret. */
  readonly secret: string;
  /**
   * As at Twilio, a `standard` key may not read the account itself (401, 20003); a `main` key may do
   * all that an auth token may. Default `standard`.
   */
  readonly type?: 'standard' | 'main';
  /** Its name in the list of keys. */
  readonly friendlyName?: string;
}

/**
 * An account of the stand-in.
 *
 * @public
 */
export interface FakeTwilioAccount {
  /** `AC` and 32 hex digits. */
  readonly accountSid: string;
  /** The primary auth token. */
  readonly authToken: string;
  /** A secondary auth token, accepted as the primary one is. */
  readonly authTokenSecondary?: string;
  /** The account's own API keys. Those of another account do not open this one. */
  readonly apiKeys?: readonly FakeTwilioApiKey[];
  /** The account's OAuth app: its tokens open the account as an auth token does. */
  readonly oauthApp?: { readonly clientId: string; readonly clientSecret: string };
  /** `suspended` is answered with 403 and 20005, `closed` with 401 and 20003. Default `active`. */
  readonly status?: 'active' | 'suspended' | 'closed';
  /**
   * The numbers the account owns, in E.164 form. If set, a message (21660) or a call (21210) from
   * any other one is refused. Default: any number may send, and the list of numbers is empty.
   */
  readonly phoneNumbers?: readonly string[];
}

/**
 * Options of `FakeTwilio.start`.
 *
 * @public
 */
export interface FakeTwilioOptions {
  /** The accounts that exist. Default: none, and every request is refused. */
  readonly accounts?: readonly FakeTwilioAccount[];
  /** Milliseconds for which a revoked API key still works. Default 0. */
  readonly revocationDelayMs?: number;
  /** Seconds for which the access tokens of an OAuth app work. Default 3600. */
  readonly oauthTokenSeconds?: number;
}

/** The user name and password of a request, both `''` without basic authentication. @internal */
export function basicAuth(request: HttpRequest): { username: string; password: string } {
  const encoded = /^Basic +(\S+)$/i.exec(request.header('authorization'))?.[1] ?? '';
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const [, username = '', password = ''] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  return { username, password };
}

/** An account as it is now: its tokens and keys change. @internal */
export type Account = { -readonly [K in keyof FakeTwilioAccount]: FakeTwilioAccount[K] };

/** The accounts of a stand-in and what opens them. @internal */
export class TwilioAccounts {
  readonly #accounts = new Map<string, Account>();
  readonly #revocations: Revocations;
  readonly #tokens = new Map<string, { readonly accountSid: string; readonly expires: number }>();

  /** @throws TypeError for an account that is malformed or given twice; no message shows a secret */
  constructor(accounts: readonly FakeTwilioAccount[], revocations: Revocations) {
    this.#revocations = revocations;
    for (const account of accounts) {
      assertAccount(account);
      if (this.#accounts.has(account.accountSid)) {
        throw new TypeError(`The account ${account.accountSid} is given twice.`);
      }
      this.#accounts.set(account.accountSid, structuredClone(account));
    }
  }

  /**
   * The account that the credentials of `request` open.
   *
   * @param needsMainKey - whether a standard API key is not enough
   * @throws Refusal
   */
  authorize(request: HttpRequest, accountSid: string, needsMainKey: boolean): Account {
    const account = this.#accounts.get(accountSid);
    const isOpen =
      account !== undefined &&
      (this.#hasToken(account, bearer(request)) ||
        this.#opens(account, basicAuth(request), needsMainKey));
    if (!isOpen || account.status === 'closed') throw new Refusal({ status: 401 });
    if (account.status === 'suspended') {
      throw new Refusal({ status: 403, code: 20005, message: 'Account not active' });
    }
    return account;
  }

  /** The keys of an account that are not revoked. */
  liveKeys({ apiKeys = [] }: Account): readonly FakeTwilioApiKey[] {
    return apiKeys.filter(({ sid }) => !this.#revocations.has(sid));
  }

  addKey(account: Account, friendlyName: string): FakeTwilioApiKey {
    const [sid, secret] = [`SK${randomBytes(16).toString('hex')}`, randomBytes(16).toString('hex')];
    const key = { sid, secret, friendlyName };
    account.apiKeys = [...(account.apiKeys ?? []), key];
    return key;
  }

  /** @throws Refusal where there is no such key */
  removeKey(account: Account, sid: string): void {
    if (!this.liveKeys(account).some((key) => key.sid === sid)) throw new Refusal({ status: 404 });
    this.#revocations.add(sid);
  }

  /**
   * A new access token of an OAuth app.
   *
   * @throws Refusal for credentials of no app
   */
  issueToken(clientId: string, clientSecret: string, seconds: number): string {
    const account = [...this.#accounts.values()].find(
      ({ oauthApp }) => oauthApp?.clientId === clientId && oauthApp.clientSecret === clientSecret,
    );
    if (account === undefined) throw new Refusal({ status: 401 });
    const token = randomBytes(32).toString('base64url');
    const { accountSid } = account;
    this.#tokens.set(token, { accountSid, expires: performance.now() + seconds * 1000 });
    return token;
  }

  #hasToken({ accountSid }: FakeTwilioAccount, token: string): boolean {
    const issued = this.#tokens.get(token);
    return issued?.accountSid === accountSid && performance.now() < issued.expires;
  }

  #opens(
    { accountSid, authToken, authTokenSecondary, apiKeys }: FakeTwilioAccount,
    { username, password }: ReturnType<typeof basicAuth>,
    needsMainKey: boolean,
  ): boolean {
    if (password === '') return false;
    if (username === accountSid) return password === authToken || password === authTokenSecondary;
    const key = apiKeys?.find(({ sid, secret }) => sid === username && secret === password);
    if (key === undefined || this.#revocations.isDead(key.sid)) return false;
    return !needsMainKey || key.type === 'main';
  }
}

function assertAccount({ accountSid, authToken, apiKeys = [] }: FakeTwilioAccount): void {
  const isKey = ({ sid, secret }: FakeTwilioApiKey) => /^SK[0-9a-f]{32}$/i.test(sid) && secret;
  if (!/^AC[0-9a-f]{32}$/i.test(accountSid) || !authToken || !apiKeys.every(isKey)) {
    throw new TypeError(
      'An account needs a SID (AC…), an auth token, and keys with SID and secret.',
    );
  }
}
