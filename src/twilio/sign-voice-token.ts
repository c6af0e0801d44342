import { createHmac } from 'node:crypto';
import { assertObject, type ClientOptions, resolveCredentials } from '../clients/credentials.ts';
import { secretKey } from '../clients/secret-text.ts';
import { coreOf } from '../core/vault-core.ts';
import { invalidArgument } from '../errors.ts';
import { twilioProvider } from '../providers/built-in.ts';
import { matches } from '../providers/fields.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';

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
  /** The TwiML app for outgoing calls. @defaultValue the field `twimlAppSid` of the credentials */
  readonly twimlAppSid?: string;
  /** Whether calls to `identity` are allowed. @defaultValue `true` */
  readonly incomingAllow?: boolean;
}

const MAX_TTL_SECONDS = 86_400; // Twilio error 20104 beyond
const MAX_IDENTITY_LENGTH = 121;

// A token is signed by an API key; the auth token cannot.
const NEEDED = [['accountSid', 'apiKey', 'apiSecret']] as const;

/** Does the work of `createVoiceToken`. @internal */
export async function signVoiceToken(
  vault: SecretsVault,
  options: VoiceTokenOptions,
): Promise<string> {
  assertObject(options);
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
  const signature = createHmac('sha256', secretKey(apiSecret)).update(signed);
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
