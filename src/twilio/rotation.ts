import type { Twilio } from 'twilio';
import { isVaultError, VaultError } from '../errors.ts';
import type { twilioProvider } from '../providers/built-in.ts';
import type { RotationDefinition } from '../providers/rotation.ts';
import { parsed } from './answer.ts';
import { buildTwilioClient, type TwilioClientOptions } from './build-client.ts';

type Field = keyof typeof twilioProvider.fields;
type Fields = { readonly [F in Field]?: string };

const KEYS = 'https://iam.twilio.com/v1/Keys';
const TOKENS = 'https://accounts.twilio.com/v1/AuthTokens';
const TIMEOUT_MS = 8_000; // several requests fit into the time of a lease

/**
 * Replaces the API key where the credentials have one, else the auth token. Only the auth token may
 * make API keys.
 *
 * @internal
 */
export function twilioRotation(
  options: Pick<TwilioClientOptions, 'client'>,
): RotationDefinition<Field> {
  const client = ({ accountSid = '', region = '', edge = '' }: Fields, credentials: Fields) =>
    buildTwilioClient(
      { fields: { ...credentials, accountSid, region, edge } },
      { ...options, timeoutMs: TIMEOUT_MS },
    );
  // The client of the auth token, whatever sends messages.
  const owner = (fields: Fields) => client(fields, { authToken: fields.authToken ?? '' });

  return {
    replaces(fields) {
      const { authToken, authTokenSecondary } = fields;
      if (!authToken) {
        const why = 'Only the auth token may make API keys: store it beside the API key.';
        throw new VaultError('ERR_NOT_CONFIGURED', `The twilio credentials lack authToken. ${why}`);
      }
      if (fields.apiKey && fields.apiSecret) return ['apiKey', 'apiSecret'];
      if (!authTokenSecondary) return ['authToken'];
      const why = 'A promotion is under way: promote or remove the secondary auth token first.';
      throw new VaultError('ERR_NOT_CONFIGURED', why);
    },

    async create({ fields, name, replaced }) {
      const { accountSid = '', authToken = '' } = fields;
      if (isApiKey(replaced)) {
        const data = { AccountSid: accountSid, FriendlyName: name };
        const { sid, secret } = await call(await owner(fields), 'post', KEYS, data);
        return { apiKey: String(sid), apiSecret: String(secret) };
      }
      const made = await call(await owner(fields), 'post', `${TOKENS}/Secondary`);
      // Both are accepted until the promotion; webhooks are signed with the old one until then.
      return { authToken: String(made.secondary_auth_token), authTokenSecondary: authToken };
    },

    async discard({ fields, name, replaced }) {
      const twilio = await owner(fields);
      if (!isApiKey(replaced)) return ignoreMissing(call(twilio, 'delete', `${TOKENS}/Secondary`));
      let next: unknown = `${KEYS}?AccountSid=${fields.accountSid}&PageSize=100`;
      while (typeof next === 'string') {
        const { keys, meta } = (await call(twilio, 'get', next)) as KeyPage;
        for (const { sid, friendly_name } of keys ?? []) {
          if (friendly_name === name) await ignoreMissing(call(twilio, 'delete', `${KEYS}/${sid}`));
        }
        next = meta?.next_page_url;
      }
    },

    async works({ fields, replaced }) {
      const { apiKey = '', apiSecret = '' } = fields;
      const ofKey = isApiKey(replaced);
      const twilio = await (ofKey ? client(fields, { apiKey, apiSecret }) : owner(fields));
      try {
        // An API key may not read the account itself.
        if (ofKey) await twilio.incomingPhoneNumbers.page({ pageSize: 1 });
        else await twilio.api.v2010.accounts(twilio.accountSid).fetch();
        return true;
      } catch (error) {
        if (isVaultError(error, 'ERR_PROVIDER') && error.status === 401) return false;
        throw error;
      }
    },

    async revoke({ fields, old, replaced }) {
      const twilio = await owner(fields);
      if (isApiKey(replaced)) await ignoreMissing(call(twilio, 'delete', `${KEYS}/${old.apiKey}`));
      else await call(twilio, 'post', `${TOKENS}/Promote`);
    },

    finish: ({ fields, old, replaced }) =>
      !isApiKey(replaced) && fields.authTokenSecondary === old.authToken
        ? { authTokenSecondary: null }
        : {},
  };
}

interface KeyPage {
  readonly keys?: readonly { readonly sid: string; readonly friendly_name?: string }[];
  readonly meta?: { readonly next_page_url?: string | null };
}

function isApiKey(replaced: readonly string[]): boolean {
  return replaced.includes('apiKey');
}

async function call(
  twilio: Twilio,
  method: 'get' | 'post' | 'delete',
  uri: string,
  data?: object,
): Promise<Record<string, unknown>> {
  const { body } = await twilio.request({ method, uri, ...(data && { data }) });
  return (parsed(body) ?? {}) as Record<string, unknown>;
}

async function ignoreMissing(request: Promise<unknown>): Promise<void> {
  await request.catch((error: unknown) => {
    if (!(isVaultError(error, 'ERR_PROVIDER') && error.status === 404)) throw error;
  });
}
