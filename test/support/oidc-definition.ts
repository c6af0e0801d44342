import { defineProvider } from 'provider-vault';

/** A provider whose tokens the server of startOidcServer makes; each refresh token works once. */
export function oidcDefinition(url: string, { marginMs = 30_000, timeoutMs = 2_000 } = {}) {
  return defineProvider({
    name: 'oidc',
    fields: {
      accessToken: { label: 'Access token', secret: true },
      refreshToken: { label: 'Refresh token', secret: true },
      expiresAt: { label: 'Expires', secret: false },
      account: { label: 'Account', secret: false },
    },
    complete: [['accessToken', 'refreshToken']],
    refresh: {
      expiresAt: 'expiresAt',
      marginMs,
      timeoutMs,
      exchange: async ({ fields, signal }) => {
        const response = await fetch(`${url}/token`, {
          method: 'POST',
          signal,
          body: new URLSearchParams({
            grant_type: 'refresh_token',
            refresh_token: fields.refreshToken ?? '',
            client_id: 'crm',
            client_secret: 'crm-secret',
          }),
        });
        const answer = (await response.json()) as Record<string, string | number>;
        if (!response.ok) throw Object.assign(new Error('refused'), answer);
        return {
          accessToken: String(answer.access_token),
          refreshToken: String(answer.refresh_token),
          expiresAt: new Date(Date.now() + Number(answer.expires_in) * 1_000).toISOString(),
        };
      },
    },
  });
}
