import { createHmac } from 'node:crypto';
import { invalidArgument } from '../errors.ts';
import { matches } from '../providers/fields.ts';
import { twilioProvider } from '../providers/twilio.ts';
import { coreOf } from '../vault/internals.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { assertOptions, type ClientOptions, resolveCredentials } from './define-client-factory.ts';

/**
 * Options of {@link createVoiceToken}.
 *
 * @public
 */
export interface VoiceTokenOptions extends ClientOptions {
  /** Who the browser or phone is, for calls to it: 1 to 121 characters. */
  readonly identity: string;
  /** Seconds until it expires, at most 86,400. @defaultValue 3600 */
  readonly ttlSeconds?: number;
  /** The TwiML app of outgoing calls. @defaultValue the field `twimlAppSid` of the credentials */
  readonly twimlAppSid?: string;
  /** Whether calls to `identity` are let in. @defaultValue `true` */
  readonly incomingAllow?: boolean;
}

const MAX_TTL_SECONDS = 86_400; // Twilio error 20104 beyond
const MAX_IDENTITY_LENGTH = 121;

// A token is signed by an API key; the auth token cannot.
const NEEDED = [['accountSid', 'apiKey', 'apiSecret']] as const;

/**
 * A Twilio access token with a Voice grant, for the Voice SDK in a browser or a phone: a JWT signed
 * with HS256 by the tenant's API key. Twilio's package is not needed.
 *
 * The API key must be a standard or main one: Twilio refuses tokens of restricted keys (error 31204).
 *
 * @throws VaultError `ERR_NOT_CONFIGURED` when there is no API key; `ERR_INVALID_ARGUMENT`; what
 * reading the vault throws
 * @public
 */
export async function createVoiceToken(
  vault: SecretsVault,
  options: VoiceTokenOptions,
): Promise<string> {
  assertOptions(options);
  const { identity, ttlSeconds = 3600, incomingAllow = true } = options;
  if (typeof identity !== 'string' || identity === '' || identity.length > MAX_IDENTITY_LENGTH) {
    throw invalidArgument(`identity must be a string of 1 to ${MAX_IDENTITY_LENGTH} characters.`);
  }
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > MAX_TTL_SECONDS) {
    throw invalidArgument(`ttlSeconds must be an integer from 1 to ${MAX_TTL_SECONDS}.`);
  }
  if (typeof incomingAllow !== 'boolean') throw invalidArgument('incomingAllow must be a boolean.');
  assertAppSid(options.twimlAppSid);
  const { fields } = await resolveCredentials(vault, twilioProvider, options, NEEDED);
  const { accountSid, apiKey, apiSecret, region } = fields;
  const twimlAppSid = options.twimlAppSid ?? fields.twimlAppSid;
  const issuedAt = Math.floor(coreOf(vault).now().getTime() / 1000);
  const header = {
    alg: 'HS256',
    typ: 'JWT',
    cty: 'twilio-fpa;v=1',
    ...(region && { twr: region }),
  };
  const payload = {
    jti: `${apiKey}-${issuedAt}`,
    grants: {
      identity,
      voice: {
        ...(incomingAllow && { incoming: { allow: true } }),
        ...(twimlAppSid && { outgoing: { application_sid: twimlAppSid } }),
      },
    },
    iat: issuedAt,
    exp: issuedAt + ttlSeconds,
    iss: apiKey,
    sub: accountSid,
  };
  const signed = `${base64url(header)}.${base64url(payload)}`;
  const signature = createHmac('sha256', apiSecret).update(signed);
  return `${signed}.${signature.digest('base64url')}`;
}

function assertAppSid(twimlAppSid: unknown): void {
  const { pattern, example } = twilioProvider.fields.twimlAppSid;
  if (twimlAppSid === undefined) return;
  if (typeof twimlAppSid !== 'string' || !matches(pattern as RegExp, twimlAppSid)) {
    throw invalidArgument(`twimlAppSid must be ${example}.`);
  }
}

function base64url(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
