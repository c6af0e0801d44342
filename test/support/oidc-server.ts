import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Provider } from 'oidc-provider';

/** How the server treats the next requests for tokens. */
type Trouble = { status: number } | { delayMs: number } | { answerDelayMs: number };

/**
 * An OpenID provider on loopback with strict rotation: a refresh token works once, and its second use
 * ends the grant.
 */
export async function startOidcServer({
  lifetimeSeconds = 3_600,
  redirectUri = 'http://127.0.0.1/callback',
} = {}) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(url, {
    clients: [
      {
        client_id: 'crm',
        client_secret: 'crm-secret',
        token_endpoint_auth_method: 'client_secret_post',
        grant_types: ['authorization_code', 'refresh_token'],
        application_type: 'native', // any port of a loopback address [RFC 8252 7.3]
        redirect_uris: [redirectUri],
      },
    ],
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    scopes: ['openid', 'offline_access'],
    ttl: { AccessToken: lifetimeSeconds, RefreshToken: 86_400, Grant: 86_400 },
    cookies: { keys: [randomUUID()] },
    rotateRefreshToken: true,
  });
  const told = { exchanges: 0, granted: 0, requests: 0 };
  let trouble: Trouble | undefined;
  provider.use(async (context, next) => {
    if (context.path === '/token') {
      told.requests++;
      const now = trouble;
      if (now && 'status' in now) {
        context.status = now.status;
        context.body = { error: 'server_error' };
        return;
      }
      if (now && 'delayMs' in now) await sleep(now.delayMs);
      told.exchanges++;
      await next();
      if (context.status === 200) told.granted++;
      if (now && 'answerDelayMs' in now) await sleep(now.answerDelayMs);
      return;
    }
    await next();
  });
  server.on('request', provider.callback());

  return {
    url,
    told,
    /** Until it is called again. */
    trouble(next: Trouble | undefined) {
      trouble = next;
    },
    /** The tokens of a new grant. */
    async connect(): Promise<{ refreshToken: string; grantId: string }> {
      const client = await provider.Client.find('crm');
      if (client === undefined) throw new Error('There is no client.');
      const accountId = randomUUID();
      const grant = new provider.Grant({ clientId: 'crm', accountId });
      grant.addOIDCScope('openid offline_access');
      const grantId = await grant.save();
      const facts = { accountId, client, grantId, gty: 'authorization_code', rotations: 0 };
      const token = new provider.RefreshToken({
        ...facts,
        scope: 'openid offline_access',
      } as unknown as ConstructorParameters<typeof provider.RefreshToken>[0]);
      return { refreshToken: await token.save(), grantId };
    },
    /** Logs in and agrees at an authorization URL, as a customer would. @returns where that leads */
    async agree(authorizationUrl: string): Promise<string> {
      const cookies = new Map<string, string>();
      let next = authorizationUrl;
      let body: URLSearchParams | undefined;
      for (let step = 0; step < 12; step++) {
        const response = await fetch(next, {
          redirect: 'manual',
          headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
          ...(body && { method: 'POST', body }),
        });
        for (const cookie of response.headers.getSetCookie()) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
          cookies.set(name, value);
        }
        const location = response.headers.get('location');
        body = undefined;
        if (location !== null) {
          next = new URL(location, url).href;
          if (!next.startsWith(url)) return next;
          continue;
        }
        const page = await response.text();
        const prompt = page.includes('name="login"') ? 'login' : 'consent';
        body = new URLSearchParams({ prompt, login: 'customer', password: 'x' });
      }
      throw new Error(`The server led nowhere but to ${next}`);
    },
    async isAlive(grantId: string): Promise<boolean> {
      return (await provider.Grant.find(grantId)) !== undefined;
    },
    async revoke(grantId: string): Promise<void> {
      await (await provider.Grant.find(grantId))?.destroy();
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
