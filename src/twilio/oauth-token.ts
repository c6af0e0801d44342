import type { Twilio } from 'twilio';
import { answerError } from '../clients/provider-error.ts';
import { ProviderError } from '../errors.ts';
import { parsed } from './answer.ts';

/** Where an OAuth app of Twilio gets its tokens; there is one for all regions. @internal */
export const TOKEN_URL = 'https://oauth.twilio.com/v2/token';

// A token is renewed so long before it expires, or a tenth of its lifetime where that is less.
const MARGIN_MS = 60_000;
// Where the answer does not say it. A token that Twilio refuses earlier is dropped.
const USUAL_LIFETIME_S = 3_600;

interface OAuthApp {
  readonly clientId: string;
  readonly clientSecret: string;
}

/**
 * The access token of one client: fetched when it is needed, by all callers together, and kept until
 * shortly before it expires. The SDK alone fetches one for each request. A failure is not kept.
 *
 * @internal
 */
export class OAuthToken {
  readonly #fetch: () => Promise<{ token: string; lifetimeMs: number }>;
  #current: { readonly token: Promise<string>; renewAt: number } | undefined;

  constructor(client: Twilio, app: OAuthApp, timeoutMs: number | undefined) {
    this.#fetch = () => fetchToken(client, app, timeoutMs);
  }

  /** Called by the SDK for each request. */
  fetchToken(): Promise<string> {
    if (this.#current !== undefined && performance.now() < this.#current.renewAt) {
      return this.#current.token;
    }
    const fetched = this.#fetch();
    const current = {
      token: fetched.then(({ token }) => token),
      renewAt: Number.POSITIVE_INFINITY,
    };
    this.#current = current;
    const start = performance.now();
    fetched.then(
      ({ lifetimeMs }) => {
        current.renewAt = start + lifetimeMs - Math.min(MARGIN_MS, lifetimeMs / 10);
      },
      () => this.#drop(current),
    );
    return current.token;
  }

  /** Forgets the token that Twilio refused, unless another one came meanwhile. */
  async drop(refused: string): Promise<void> {
    const current = this.#current;
    if ((await current?.token.catch(() => undefined)) === refused) this.#drop(current);
  }

  #drop(current: unknown): void {
    if (this.#current === current) this.#current = undefined;
  }
}

async function fetchToken(
  { httpClient }: Twilio,
  { clientId, clientSecret }: OAuthApp,
  timeoutMs: number | undefined,
): Promise<{ token: string; lifetimeMs: number }> {
  const answer = await (httpClient as HttpClient).request({
    method: 'post',
    uri: TOKEN_URL,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json' },
    data: { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
    ...(timeoutMs !== undefined && { timeout: timeoutMs }),
  });
  const body = (parsed(answer.body) ?? {}) as Record<string, unknown>;
  if (answer.statusCode !== 200 && answer.statusCode !== 201) {
    const { code, message, error_description: description } = body;
    const providerCode = typeof code === 'number' ? code : undefined;
    const facts = { status: answer.statusCode, providerCode, text: message ?? description };
    throw answerError('twilio', facts, [clientSecret]);
  }
  const { access_token: token, expires_in: seconds } = body;
  if (typeof token !== 'string' || token === '') {
    throw new ProviderError('twilio', 'twilio answered without an access token', {
      status: answer.statusCode,
    });
  }
  return { token, lifetimeMs: (Number(seconds) || USUAL_LIFETIME_S) * 1000 };
}

type HttpClient = NonNullable<Twilio['httpClient']>;
