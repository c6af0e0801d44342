import type { OAuthApp, OAuthSettings } from './connection.ts';
import { defineOAuthProvider, type OAuthProvider } from './define-oauth-provider.ts';

/**
 * What a preset may be told otherwise.
 *
 * @public
 */
export interface PresetOptions<N extends string = string>
  extends Partial<Omit<OAuthSettings<N>, 'readAnswer'>> {}

/**
 * Gmail: mail by SMTP with XOAUTH2. An access token is good for an hour; the refresh token lapses when it
 * is not used for six months.
 *
 * @public
 */
export function googleMail(
  app: OAuthApp,
  options: PresetOptions<'googleMail'> = {},
): OAuthProvider<'googleMail'> {
  return defineOAuthProvider(app, {
    name: 'googleMail',
    issuer: 'https://accounts.google.com',
    authorizationEndpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
    tokenEndpoint: 'https://oauth2.googleapis.com/token',
    scopes: ['https://mail.google.com/'],
    // Without these, Google gives no refresh token, or only the first time.
    parameters: { access_type: 'offline', prompt: 'consent' },
    mail: { hostname: 'smtp.gmail.com', port: 465 },
    ...options,
  });
}

/**
 * Microsoft 365: mail by SMTP with XOAUTH2. An access token is good for about an hour, a refresh token for
 * 90 days; each renewal brings a new one.
 *
 * @param options - `directory`: the customer's directory, where only that one may connect
 * @public
 */
export function microsoft365(
  app: OAuthApp,
  {
    directory = 'common',
    ...options
  }: PresetOptions<'microsoft365'> & { readonly directory?: string } = {},
): OAuthProvider<'microsoft365'> {
  const base = `https://login.microsoftonline.com/${encodeURIComponent(directory)}`;
  return defineOAuthProvider(app, {
    name: 'microsoft365',
    issuer: `${base}/v2.0`,
    authorizationEndpoint: `${base}/oauth2/v2.0/authorize`,
    tokenEndpoint: `${base}/oauth2/v2.0/token`,
    scopes: ['offline_access', 'https://outlook.office.com/SMTP.Send'],
    mail: { hostname: 'smtp.office365.com', port: 587 },
    ...options,
  });
}

/**
 * Slack, of an app with token rotation: an access token is good for 12 hours, and each renewal replaces
 * and revokes the refresh token.
 *
 * @public
 */
export function slack(app: OAuthApp, options: PresetOptions<'slack'> = {}): OAuthProvider<'slack'> {
  return defineOAuthProvider(app, {
    name: 'slack',
    issuer: 'https://slack.com',
    authorizationEndpoint: 'https://slack.com/oauth/v2/authorize',
    tokenEndpoint: 'https://slack.com/api/oauth.v2.access',
    scopes: ['chat:write'],
    ...options,
    readAnswer: readSlackAnswer,
  });
}

const DEAD_TOKENS: readonly unknown[] = [
  'invalid_refresh_token',
  'token_expired',
  'token_revoked',
  'invalid_code',
];

/** Slack answers 200 with `ok: false`, and calls its tokens `bot` and `user`. */
async function readSlackAnswer(answer: Response): Promise<Response> {
  if (!answer.ok) return answer;
  const { ok, error, ...tokens } = (await answer.json()) as Record<string, unknown>;
  if (ok === true) return Response.json({ ...tokens, token_type: 'bearer' });
  const code = DEAD_TOKENS.includes(error) ? 'invalid_grant' : String(error);
  return Response.json({ error: code }, { status: 400 });
}
