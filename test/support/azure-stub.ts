import {
  constants,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/**
 * A stand-in of Azure Key Vault: its routes for one RSA key, by HTTP behind a proxy with TLS. It proves that requests are
 * built and answers are read as the official client does, and nothing of the service.
 */
export interface AzureStub {
  readonly url: string;
  /** Of the key: `/keys/NAME/VERSION`. */
  readonly path: string;
  /** What the requests must bring. */
  readonly token: string;
  /** Operations that are refused by 403. */
  readonly denied: Set<string>;
  close(): Promise<void>;
}

export async function startAzureStub(token: string): Promise<AzureStub> {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const path = `/keys/app/${'0'.repeat(32)}`;
  const denied = new Set<string>();
  const server = createServer(async (request, response) => {
    const { status, body, headers = {} } = await answer(request, { path, token, denied, ...pair });
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    path,
    token,
    denied,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

interface Vault {
  readonly path: string;
  readonly token: string;
  readonly denied: ReadonlySet<string>;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };

async function answer(request: IncomingMessage, vault: Vault): Promise<Answer> {
  if (request.headers.authorization !== `Bearer ${vault.token}`) {
    const challenge =
      'Bearer authorization="https://login.example.com/tenant", resource="https://vault.azure.net"';
    const headers = { 'www-authenticate': challenge };
    return { ...failed(401, 'Unauthorized'), headers };
  }
  const path = request.url?.split('?')[0] ?? '';
  const operation = path === vault.path ? 'get' : path.slice(vault.path.length + 1);
  if (!path.startsWith(vault.path)) return failed(404, 'KeyNotFound');
  if (vault.denied.has(operation)) return failed(403, 'Forbidden');
  const kid = `https://${request.headers['x-forwarded-host']}${vault.path}`;
  if (operation === 'get') {
    const jwk = vault.publicKey.export({ format: 'jwk' });
    const key_ops = ['wrapKey', 'unwrapKey'];
    return { status: 200, body: { key: { kid, ...jwk, key_ops }, attributes: { enabled: true } } };
  }
  const { alg, value } = (await json(request)) as { alg: string; value: string };
  if (alg !== 'RSA-OAEP-256') return failed(400, 'BadParameter');
  try {
    const bytes = Buffer.from(value, 'base64url');
    const result =
      operation === 'wrapkey'
        ? publicEncrypt({ key: vault.publicKey, ...OAEP }, bytes)
        : privateDecrypt({ key: vault.privateKey, ...OAEP }, bytes);
    return { status: 200, body: { kid, value: result.toString('base64url') } };
  } catch {
    return failed(400, 'BadParameter');
  }
}

function failed(status: number, code: string): Answer {
  return { status, body: { error: { code, message: `The stub says ${code}.` } } };
}
