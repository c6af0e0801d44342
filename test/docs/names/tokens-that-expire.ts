// What the guide on tokens that expire takes for granted: the reader's own values, and a web application.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import cookieParser from 'cookie-parser';
import express from 'express';
import { Keyring, MemorySecretStore } from 'provider-vault';
import { SMTPServer } from 'smtp-server';
import { newKey } from '../../support/fixtures.ts';
import { startOidcServer } from '../../support/oidc-server.ts';

export * from 'provider-vault';

export const oidc = await startOidcServer();
export const tokenEndpoint = `${oidc.url}/token`;
export const clientId = 'crm';
export const clientSecret = 'crm-secret';
export const redirectUri = 'http://127.0.0.1/callback';
export const store = new MemorySecretStore();
export const keys = new Keyring({ encryptionKey: newKey() });
export const to = 'customer@beta.test';
export const text = 'Hello';
export const told: string[] = [];
export const showConnectButton = () => void told.push('a button');
export const writeToCustomer = (tenantId: string, provider: string) =>
  void told.push(`${tenantId} ${provider}`);
export const tenantOf = (_request: unknown) => 'acme';

export const app = express().use(cookieParser());
const listening = app.listen(0, '127.0.0.1');
await once(listening, 'listening');
export const origin = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;

export const logins: string[] = [];
const smtp = new SMTPServer({
  authMethods: ['XOAUTH2'],
  disabledCommands: ['STARTTLS'],
  allowInsecureAuth: true,
  onAuth({ username, accessToken }, _session, done) {
    logins.push(`${username} ${accessToken}`);
    done(null, { user: 1 });
  },
});
smtp.listen(0, '127.0.0.1');
await once(smtp.server, 'listening');

/** In the place of Google. */
export const standIn = {
  issuer: oidc.url,
  authorizationEndpoint: `${oidc.url}/auth`,
  tokenEndpoint,
  scopes: ['openid', 'offline_access'],
  mail: { hostname: 'localhost', port: (smtp.server.address() as AddressInfo).port },
};

export async function close(): Promise<void> {
  listening.closeAllConnections();
  listening.close();
  smtp.close();
  await oidc.close();
}
