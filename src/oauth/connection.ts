import { invalidArgument } from '../errors.ts';

/**
 * Your application, as you have registered it at a provider.
 *
 * @public
 */
export interface OAuthApp {
  readonly clientId: string;
  readonly clientSecret: string;
}

/**
 * How a provider is connected by OAuth 2.0, for {@link defineOAuthProvider}.
 *
 * @public
 */
export interface OAuthSettings<N extends string = string> {
  /** Its name in the vault. */
  readonly name: N;
  /** As the provider names itself in its answers (RFC 9207). */
  readonly issuer: string;
  /** Where the customer agrees. */
  readonly authorizationEndpoint: string;
  /** Where tokens come from. It gets the secret of your application. */
  readonly tokenEndpoint: string;
  /** What your application may do, with what makes the provider issue a refresh token. */
  readonly scopes: readonly string[];
  /** Further parameters of the authorization URL. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Puts an answer of the token endpoint into the form of RFC 6749, where it has another. */
  readonly readAnswer?: (answer: Response) => Promise<Response>;
  /** The provider's mail server, for `getMailTransport`. */
  readonly mail?: { readonly hostname: string; readonly port: number };
}

/**
 * The fields of a provider that is connected by OAuth 2.0.
 *
 * @public
 */
export type OAuthField = 'accessToken' | 'refreshToken' | 'expiresAt' | 'account' | 'scope';

/** What the connect flow and the renewals need to know. @internal */
export interface OAuthConnection extends OAuthSettings {
  readonly app: OAuthApp;
}

// The secret of the application stays out of the definition, which may be printed.
const connections = new WeakMap<object, OAuthConnection>();

/** @internal */
export function rememberConnection(definition: object, connection: OAuthConnection): void {
  connections.set(definition, connection);
}

/** @throws VaultError `ERR_INVALID_ARGUMENT` for any other definition @internal */
export function connectionOf(definition: object): OAuthConnection {
  const connection = connections.get(definition);
  if (connection === undefined) {
    throw invalidArgument('The provider must be a definition of provider-vault/oauth.');
  }
  return connection;
}

/** The mail server of a provider that is connected by OAuth 2.0. @internal */
export function oauthMailServer(definition: object): OAuthSettings['mail'] {
  return connections.get(definition)?.mail;
}

/** Whether an endpoint is on this machine, where tests have one without TLS. @internal */
export function isLoopback(endpoint: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(new URL(endpoint).hostname);
}
