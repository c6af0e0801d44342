import type {
  AuthorizationServer,
  Client,
  ClientAuth,
  TokenEndpointRequestOptions,
  TokenEndpointResponse,
} from 'oauth4webapi';
import { peerError } from '../clients/load-peer.ts';
import { isLoopback, type OAuthConnection, type OAuthField } from './connection.ts';

type Tokens = { readonly [F in OAuthField]?: string };

async function loadOAuth(): Promise<OAuth4WebApi> {
  try {
    return await import('oauth4webapi');
  } catch (error) {
    throw peerError('oauth4webapi', error);
  }
}

type OAuth4WebApi = typeof import('oauth4webapi');

/** A provider and the application, as oauth4webapi takes them. @internal */
export interface OAuthParties {
  readonly oauth: OAuth4WebApi;
  readonly server: AuthorizationServer;
  readonly client: Client;
  readonly authentication: ClientAuth;
  readonly options: TokenEndpointRequestOptions;
}

/** @throws VaultError `ERR_PEER_MISSING` @internal */
export async function oauthParties(
  { app, ...settings }: OAuthConnection,
  signal: AbortSignal,
): Promise<OAuthParties> {
  const oauth = await loadOAuth();
  const { issuer, authorizationEndpoint, tokenEndpoint, readAnswer } = settings;
  const server: AuthorizationServer = {
    issuer,
    authorization_endpoint: authorizationEndpoint,
    token_endpoint: tokenEndpoint,
  };
  const request: typeof fetch = async (url, init) => {
    // A redirect would take the secret of the application to another host.
    const answer = await fetch(url, { ...init, redirect: 'error' });
    return readAnswer === undefined ? answer : readAnswer(answer);
  };
  return {
    oauth,
    server,
    client: { client_id: app.clientId },
    authentication: oauth.ClientSecretPost(app.clientSecret),
    options: {
      signal,
      [oauth.customFetch]: request as never,
      [oauth.allowInsecureRequests]: isLoopback(tokenEndpoint),
    },
  };
}

/** Exchanges a refresh token. @internal */
export async function renewTokens(
  connection: OAuthConnection,
  refreshToken: string,
  signal: AbortSignal,
): Promise<Tokens> {
  const parties = await oauthParties(connection, signal);
  const { oauth, server, client, authentication, options } = parties;
  const request = [server, client, authentication, refreshToken, options] as const;
  const response = await oauth.refreshTokenGrantRequest(...request);
  return tokenFields(await oauth.processRefreshTokenResponse(server, client, response));
}

/** What an answer changes: a refresh token that is not replaced stays. @internal */
export function tokenFields(answer: TokenEndpointResponse): Tokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in, scope } = answer;
  return {
    accessToken,
    ...(refreshToken !== undefined && { refreshToken }),
    ...(expires_in !== undefined && {
      expiresAt: new Date(Date.now() + expires_in * 1_000).toISOString(),
    }),
    ...(scope !== undefined && { scope }),
  };
}
