import { isVaultError } from '../errors.ts';
import type { sendgridProvider } from '../providers/built-in.ts';
import type { RotationDefinition } from '../providers/rotation.ts';
import { buildSendGridClient, type SendGridClientOptions } from './build-client.ts';

type Field = keyof typeof sendgridProvider.fields;
type Fields = { readonly [F in Field]?: string };
type Method = 'GET' | 'POST' | 'DELETE';

const TIMEOUT_MS = 8_000; // several requests fit into the time of a lease
// SendGrid adds these by itself, and refuses them in a request.
const AUTOMATIC_SCOPE = /^(2fa_|sender_verification_)/;

/**
 * Replaces the API key by one with the same scopes. It needs the scopes to do so: `api_keys.create`,
 * `api_keys.read` and `api_keys.delete`.
 *
 * @internal
 */
export function sendgridRotation(
  options: Pick<SendGridClientOptions, 'baseUrl' | 'residency'>,
): RotationDefinition<Field> {
  const call = async (fields: Fields, method: Method, url: string, body?: object) => {
    const given = { ...options, timeoutMs: TIMEOUT_MS };
    const mail = await buildSendGridClient({ fields: fields as { apiKey: string } }, given);
    const [answer] = await mail.client.request({ method, url, ...(body && { body }) });
    return answer.body as Record<string, unknown>;
  };
  const remove = async (fields: Fields, id: string) => {
    await call(fields, 'DELETE', `/v3/api_keys/${encodeURIComponent(id)}`).catch((error) => {
      if (!(isVaultError(error, 'ERR_PROVIDER') && error.status === 404)) throw error;
    });
  };

  return {
    replaces: () => ['apiKey'],

    async create({ fields, name }) {
      const { scopes } = await call(fields, 'GET', '/v3/scopes');
      const copied = (scopes as string[]).filter((scope) => !AUTOMATIC_SCOPE.test(scope));
      const made = await call(fields, 'POST', '/v3/api_keys', { name, scopes: copied });
      return { apiKey: String(made.api_key) };
    },

    async discard({ fields, name }) {
      const { result } = await call(fields, 'GET', '/v3/api_keys?limit=500');
      for (const key of (result ?? []) as { name?: string; api_key_id: string }[]) {
        if (key.name === name) await remove(fields, key.api_key_id);
      }
    },

    async works({ fields }) {
      try {
        await call(fields, 'GET', '/v3/scopes');
        return true;
      } catch (error) {
        if (isVaultError(error, 'ERR_PROVIDER') && error.status === 401) return false;
        throw error;
      }
    },

    // A key holds its id: "SG.<id>.<secret>".
    revoke: ({ fields, old }) => remove(fields, old.apiKey?.split('.')[1] ?? ''),
  };
}
