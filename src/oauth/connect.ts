import { assertObject } from '../clients/credentials.ts';
import { auditRefusal } from '../core/audited.ts';
import { openVersion, sealFields } from '../core/seal.ts';
import { coreOf, type VaultCore } from '../core/vault-core.ts';
import { invalidArgument, ProviderError, recordErrorCodeOrThrow } from '../errors.ts';
import { assertTenantId, describeType, reservedName } from '../names.ts';
import type { FieldMap } from '../providers/fields.ts';
import type { SecretInfo, SecretRef } from '../record.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { connectionOf } from './connection.ts';
import type { OAuthProvider } from './define-oauth-provider.ts';
import { oauthParties, tokenFields } from './tokens.ts';

/**
 * Options of {@link startConnect}.
 *
 * @public
 */
export interface StartConnectOptions {
  /** The tenant, from your session. */
  readonly tenantId: string;
  /** Your page to which the provider sends the customer back, as you have registered it. */
  readonly redirectUri: string;
  /** The account to connect, such as a mail address: a hint for the provider, and stored with it. */
  readonly account?: string;
}

/**
 * What {@link startConnect} returns.
 *
 * @public
 */
export interface ConnectStart {
  /** Send the customer there. */
  readonly url: string;
  /**
   * Keep it for {@link finishConnect} where only this customer's browser brings it back: in the session,
   * or in a cookie that is `HttpOnly`, `Secure` and `SameSite=Lax`. It is sealed, and good for ten minutes.
   */
  readonly transaction: string;
}

/**
 * Options of {@link finishConnect}.
 *
 * @public
 */
export interface FinishConnectOptions {
  /** The tenant, from your session: the one that has started. */
  readonly tenantId: string;
  /** The whole URL of the request, with its query. */
  readonly url: string | URL;
  /** What {@link startConnect} has returned to this customer. */
  readonly transaction: string;
  /** Who connects, for the audit trail. */
  readonly actor?: string;
  /** Ends the call. */
  readonly signal?: AbortSignal;
}

const MAX_AGE_MS = 10 * 60_000;
const TIMEOUT_MS = 30_000;
const MAX_TRANSACTION_LENGTH = 8_192;

/**
 * Starts to connect a customer's account: the authorization URL, with PKCE and a state. Nothing is
 * stored.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`; `ERR_PEER_MISSING` without `oauth4webapi`; the errors of the
 * keys
 * @public
 */
export async function startConnect(
  vault: SecretsVault,
  provider: OAuthProvider,
  options: StartConnectOptions,
): Promise<ConnectStart> {
  const core = coreOf(vault);
  assertObject(options);
  const { tenantId, redirectUri, account } = options;
  assertTenantId(tenantId);
  const connection = connectionOf(provider);
  if (typeof redirectUri !== 'string' || !URL.canParse(redirectUri)) {
    throw invalidArgument('redirectUri must be a URL.');
  }
  if (account !== undefined && typeof account !== 'string') {
    throw invalidArgument(`account must be a string, not ${describeType(account)}.`);
  }
  const { oauth } = await oauthParties(connection, AbortSignal.timeout(TIMEOUT_MS));
  const [state, verifier] = [oauth.generateRandomState(), oauth.generateRandomCodeVerifier()];
  const url = new URL(connection.authorizationEndpoint);
  const parameters: Record<string, string> = {
    ...connection.parameters,
    response_type: 'code',
    client_id: connection.app.clientId,
    redirect_uri: redirectUri,
    scope: connection.scopes.join(' '),
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(account !== undefined && { login_hint: account }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  const until = String(core.now().getTime() + MAX_AGE_MS);
  const fields = { state, verifier, redirectUri, until, ...(account !== undefined && { account }) };
  const sealed = await sealFields(core, transactionRef(tenantId, provider.name), 1, fields);
  return { url: url.href, transaction: `${sealed.keyId}.${sealed.data}` };
}

/**
 * Finishes what {@link startConnect} has begun: exchanges the code in the URL, and stores the tokens in
 * the place of those before. The state of the URL must be that of the transaction, and the transaction
 * that of the tenant.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` for another tenant's, an altered or an old transaction, and
 * for another state; `ERR_PROVIDER` when the customer or the provider says no, with `providerCode`
 * `access_denied` for the customer; `ERR_PEER_MISSING`; as `put`
 * @public
 */
export async function finishConnect(
  vault: SecretsVault,
  provider: OAuthProvider,
  options: FinishConnectOptions,
): Promise<SecretInfo> {
  const core = coreOf(vault);
  assertObject(options);
  const { tenantId, actor, signal = new AbortController().signal } = options;
  const by = { ...(actor !== undefined && { actor }) };
  const fields = await auditRefusal(core, 'put', tenantId, provider, by, async () => {
    assertTenantId(tenantId);
    if (!URL.canParse(String(options.url))) {
      throw invalidArgument('url must be the whole URL of the request, with its host.');
    }
    const connection = connectionOf(provider);
    const { name } = provider;
    const { account, ...begun } = await openTransaction(core, tenantId, name, options.transaction);
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const parties = await oauthParties(connection, inTime);
    const { oauth, server, client, authentication } = parties;
    try {
      const url = new URL(options.url);
      const code = oauth.validateAuthResponse(server, client, url, begun.state);
      const grant = [code, begun.redirectUri ?? '', begun.verifier ?? ''] as const;
      const request = [server, client, authentication, ...grant, parties.options] as const;
      const response = await oauth.authorizationCodeGrantRequest(...request);
      const answer = await oauth.processAuthorizationCodeResponse(server, client, response);
      return { ...tokenFields(answer), ...(account !== undefined && { account }) };
    } catch (error) {
      throw refusalOf(name, error, inTime.aborted);
    }
  });
  return vault.put(tenantId, provider, fields, { ...by, signal });
}

/** The address that a transaction is bound to; nothing is ever stored there. */
function transactionRef(tenantId: string, provider: string): SecretRef {
  return { tenantId, provider: reservedName('connect', provider) };
}

async function openTransaction(
  core: VaultCore,
  tenantId: string,
  provider: string,
  transaction: unknown,
): Promise<FieldMap> {
  const refused = (why: string) => invalidArgument(`The transaction ${why}. Connect again.`);
  if (typeof transaction !== 'string' || transaction.length > MAX_TRANSACTION_LENGTH) {
    throw refused('is missing');
  }
  const ref = transactionRef(tenantId, provider);
  const dot = transaction.lastIndexOf('.');
  const version = { keyId: transaction.slice(0, dot), data: transaction.slice(dot + 1), rev: 1 };
  let fields: FieldMap;
  try {
    ({ fields } = await openVersion(core, ref, version, 'refuse'));
  } catch (error) {
    recordErrorCodeOrThrow(error);
    throw refused("is not this tenant's");
  }
  if (!(Number(fields.until) >= core.now().getTime())) throw refused('is too old');
  return fields;
}

/** The error without what the library attaches to it: the answer, with tokens. */
function refusalOf(provider: string, error: unknown, timedOut: boolean): Error {
  const { error: code, status, name } = (error ?? {}) as Record<string, unknown>;
  if (typeof code === 'string' && /^[a-z_]{1,64}$/.test(code)) {
    const facts = { providerCode: code, ...(typeof status === 'number' && { status }) };
    return new ProviderError(provider, `${provider} did not connect the account: ${code}.`, facts);
  }
  // A state that is not the one of the transaction, and anything else that is no answer to it.
  if (name === 'OperationProcessingError') {
    return invalidArgument(`This is no answer of ${provider} to the transaction. Connect again.`);
  }
  const providerCode = timedOut ? 'ETIMEDOUT' : 'unknown';
  return new ProviderError(provider, `${provider} did not answer (${providerCode})`, {
    providerCode,
  });
}
