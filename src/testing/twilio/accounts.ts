import { TwilioRefusal } from './refusal.ts';

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
   * As at Twilio, a `standard` key is refused (401, 20003) where the account itself is read,
   * `GET /2010-04-01/Accounts/{Sid}.json`; a `main` key can do all an auth token can.
   * Default `standard`.
   */
  readonly type?: 'standard' | 'main';
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
  /** A secondary auth token: opens the API as the primary one does. */
  readonly authTokenSecondary?: string;
  /** The account's own API keys. Those of another account do not open this one. */
  readonly apiKeys?: readonly FakeTwilioApiKey[];
  /** `suspended` refuses with 403 and 20005, `closed` with 401 and 20003. Default `active`. */
  readonly status?: 'active' | 'suspended' | 'closed';
  /** Default `My Account`. */
  readonly friendlyName?: string;
  /** SID of the parent account, whose auth tokens (not its API keys) open this one too. */
  readonly ownerAccountSid?: string;
  /**
   * The region these credentials are for, as `us1`, `ie1`, `au1`; a request to another one is
   * refused with 401 and 20003. Seen only through `clientOptions()`. Default: any region.
   */
  readonly region?: string;
  /**
   * The numbers the account owns, in E.164 form. When given, a `From` number that is not among them
   * is refused: 21660 for a message, 21210 for a call. Default: none, and any number may send.
   */
  readonly phoneNumbers?: readonly string[];
}

/**
 * What an `Authorization: Basic` header holds.
 *
 * @internal
 */
export interface BasicCredentials {
  readonly username: string;
  readonly password: string;
}

/**
 * The credentials of a request, `undefined` when it has none that can be read.
 *
 * @internal
 */
export function readBasicAuth(header: string): BasicCredentials | undefined {
  const encoded = /^Basic +(\S+)$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * The accounts of a stand-in and who may do what to them.
 *
 * @internal
 */
export class TwilioAccounts {
  readonly #accounts = new Map<string, FakeTwilioAccount>();

  /** @throws TypeError for a SID or a credential of the wrong form; its value is not in the message */
  constructor(accounts: readonly FakeTwilioAccount[]) {
    for (const account of accounts) {
      checkAccount(account);
      if (this.#accounts.has(account.accountSid)) {
        throw new TypeError(`The account ${account.accountSid} is given twice.`);
      }
      this.#accounts.set(account.accountSid, structuredClone(account));
    }
  }

  /**
   * The account that `credentials` open.
   *
   * @param region - the region the request went to, `undefined` when the host does not tell
   * @param needsMainKey - whether a standard API key is not enough
   * @throws TwilioRefusal
   */
  authorize(
    credentials: BasicCredentials | undefined,
    accountSid: string,
    region: string | undefined,
    needsMainKey: boolean,
  ): FakeTwilioAccount {
    const account = this.#accounts.get(accountSid);
    if (
      account === undefined ||
      credentials === undefined ||
      !this.#opens(credentials, account, needsMainKey) ||
      account.status === 'closed' ||
      (account.region !== undefined && region !== undefined && account.region !== region)
    ) {
      throw new TwilioRefusal(401);
    }
    if (account.status === 'suspended') throw new TwilioRefusal(403, 20005, 'Account not active');
    return account;
  }

  #opens(
    { username, password }: BasicCredentials,
    account: FakeTwilioAccount,
    needsMainKey: boolean,
  ): boolean {
    if (username === account.accountSid) return hasToken(account, password);
    if (username === account.ownerAccountSid) {
      const owner = this.#accounts.get(username);
      return owner !== undefined && hasToken(owner, password);
    }
    return (account.apiKeys ?? []).some(
      (key) =>
        key.sid === username && key.secret === password && (!needsMainKey || key.type === 'main'),
    );
  }
}

function hasToken(account: FakeTwilioAccount, token: string): boolean {
  return token === account.authToken || token === account.authTokenSecondary;
}

function checkAccount(account: FakeTwilioAccount): void {
  if (!/^AC[0-9a-fA-F]{32}$/.test(account.accountSid)) {
    throw new TypeError('accountSid must be AC and 32 hex digits.');
  }
  const { authToken, authTokenSecondary } = account;
  if (!isFilled(authToken) || (authTokenSecondary !== undefined && !isFilled(authTokenSecondary))) {
    throw new TypeError('An auth token must be a string that is not empty.');
  }
  for (const key of account.apiKeys ?? []) {
    if (!/^SK[0-9a-fA-F]{32}$/.test(key.sid) || !isFilled(key.secret)) {
      throw new TypeError('An API key must have a sid, SK and 32 hex digits, and a secret.');
    }
  }
}

function isFilled(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
