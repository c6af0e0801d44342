import { invalidArgument } from '../errors.ts';
import { defineProvider, type ProviderDefinition } from '../providers/define-provider.ts';
import {
  isLoopback,
  type OAuthApp,
  type OAuthConnection,
  type OAuthField,
  type OAuthSettings,
  rememberConnection,
} from './connection.ts';

/**
 * The definition of a provider that is connected by OAuth 2.0.
 *
 * @public
 */
export type OAuthProvider<N extends string = string> = ProviderDefinition<
  N,
  OAuthField,
  readonly [readonly ['accessToken']]
>;

/**
 * Defines a provider whose credentials a customer connects by OAuth 2.0: `startConnect` and
 * `finishConnect` store them, and `vault.fresh` renews them.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` for settings that are incomplete, or an endpoint without TLS
 * (loopback addresses need none)
 * @public
 */
export function defineOAuthProvider<const N extends string>(
  app: OAuthApp,
  settings: OAuthSettings<N>,
): OAuthProvider<N> {
  for (const member of ['clientId', 'clientSecret'] as const) {
    if (typeof app?.[member] !== 'string' || app[member] === '') {
      throw invalidArgument(`${member} must be a string that is not empty.`);
    }
  }
  const { name, authorizationEndpoint, tokenEndpoint, scopes } = settings;
  for (const endpoint of [authorizationEndpoint, tokenEndpoint]) assertEndpoint(endpoint);
  if (!Array.isArray(scopes)) throw invalidArgument('scopes must be an array of strings.');
  const definition = defineProvider({
    name,
    fields: {
      accessToken: { label: 'Access token', secret: true },
      refreshToken: { label: 'Refresh token', secret: true },
      expiresAt: { label: 'Expires', secret: false },
      account: { label: 'Account', secret: false },
      scope: { label: 'Permissions', secret: false },
    },
    complete: [['accessToken']],
    refresh: {
      expiresAt: 'expiresAt',
      exchange: async ({ fields, signal }) => {
        const { refreshToken, expiresAt = '' } = fields;
        if (!refreshToken) throw nothingToRenewWith(expiresAt);
        const { renewTokens } = await import('./tokens.ts');
        return renewTokens(connection, refreshToken, signal);
      },
    },
  });
  const connection: OAuthConnection = { ...settings, app: { ...app } };
  rememberConnection(definition, connection);
  return definition;
}

/** Once the access token has ended, only the customer can help, as after a grant that was refused. */
function nothingToRenewWith(expiresAt: string): Error {
  const error = Date.parse(expiresAt) > Date.now() ? 'no_refresh_token' : 'invalid_grant';
  return Object.assign(new Error('There is no refresh token.'), { error });
}

function assertEndpoint(endpoint: unknown): void {
  const url =
    typeof endpoint === 'string' && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.href));
  if (!isSafe) throw invalidArgument('An endpoint must be an https URL.');
}
