import { invalidArgument, publicNameOf } from '../errors.ts';
import type { KeyWrapper } from '../keys/key-wrapper.ts';
import {
  type Answers,
  assertMatches,
  assertSettings,
  Failure,
  failureOf,
  keyWrapper,
  NOT_OURS,
} from './service.ts';

/**
 * Options of {@link vaultTransit}.
 *
 * @public
 */
export interface VaultTransitOptions {
  /** URL of the server, without `/v1`: `https://vault.example.com:8200`. */
  readonly address: string;
  /** The token, or a function that returns the current one; it is called for every request. */
  readonly token: string | (() => Promise<string>);
  /** Name of a key that was made with `derived=true`. */
  readonly key: string;
  /** Path of the Transit engine. @defaultValue `'transit'` */
  readonly mount?: string;
  /** Namespace of Vault Enterprise, HCP or OpenBao. */
  readonly namespace?: string;
}

// A batch of 100 is accepted by default; one of 250 was refused.
const BATCH_SIZE = 100;

/**
 * A key of the Transit engine of HashiCorp Vault or OpenBao. The tenant is the `context` of a derived
 * key, which is part of the key's derivation; a key that is not derived ignores it without a word, so
 * `provider-vault doctor` tries it. The token needs the capability `update` on
 * `MOUNT/encrypt/KEY`, `MOUNT/decrypt/KEY` and `MOUNT/rewrap/KEY`. Redirects are not followed,
 * because the token would go with them.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @public
 */
export function vaultTransit(options: VaultTransitOptions): KeyWrapper {
  assertSettings(options, 'vaultTransit');
  const { token, key, mount = 'transit', namespace } = options;
  const address = checkedAddress(options.address);
  assertPath(key, 'key', /^[\w.-]+$/);
  assertPath(mount, 'mount', /^[\w.-]+(\/[\w.-]+)*$/);
  if (namespace !== undefined) assertPath(namespace, 'namespace', /^[\w.-]+(\/[\w.-]+)*\/?$/);
  if (typeof token !== 'function') assertToken(token);

  const request = async (
    operation: 'encrypt' | 'decrypt' | 'rewrap',
    body: object,
    signal: AbortSignal,
  ): Promise<Answer> => {
    const response = await fetch(`${address}/v1/${mount}/${operation}/${key}`, {
      method: 'POST',
      redirect: 'manual',
      signal,
      headers: {
        'Content-Type': 'application/json',
        'X-Vault-Request': 'true',
        'X-Vault-Token': await currentToken(token),
        ...(namespace !== undefined && { 'X-Vault-Namespace': namespace }),
      },
      body: JSON.stringify(body),
    });
    const answer = (await response.json().catch(() => undefined)) as Answer | undefined;
    if (!response.ok) throw answered(response.status, answer?.errors?.[0]);
    return answer ?? {};
  };

  return keyWrapper({
    id: `vault:${address}/${mount}/${key}`,
    name: 'Vault Transit',
    permissions: {
      wrap: `"update" on ${mount}/encrypt/${key}`,
      unwrap: `"update" on ${mount}/decrypt/${key}`,
      rewrap: `"update" on ${mount}/rewrap/${key}`,
    },
    wrap: async (bytes, tenantId, signal) => {
      const plaintext = base64(bytes);
      const { data } = await request('encrypt', { plaintext, context: base64(tenantId) }, signal);
      return wrappedBytes(data?.ciphertext);
    },
    unwrap: async (wrapped, tenantId, signal) => {
      const { data } = await request('decrypt', itemOf(wrapped, tenantId), signal);
      return keyBytes(data?.plaintext);
    },
    rewrap: {
      batchSize: BATCH_SIZE,
      run: async (items, signal) => {
        const batch = items.map(({ wrapped, context }) => itemOf(wrapped, context.tenantId));
        const { data } = await request('rewrap', { batch_input: batch }, signal);
        return batch.map(({ ciphertext }, at) => {
          const { error, ciphertext: fresh } = data?.batch_results?.[at] ?? {};
          if (error) throw answered(400, error);
          const bytes = wrappedBytes(fresh);
          return versionOf(fresh) === versionOf(ciphertext) ? undefined : bytes;
        });
      },
    },
    explain: () => undefined,
  });
}

interface Answer {
  readonly errors?: readonly unknown[];
  readonly data?: {
    readonly ciphertext?: unknown;
    readonly plaintext?: unknown;
    readonly batch_results?: readonly { readonly error?: unknown; readonly ciphertext?: unknown }[];
  };
}

function checkedAddress(address: unknown): string {
  const url = URL.canParse(String(address)) ? new URL(String(address)) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw invalidArgument('address must be the URL of a Vault server: https://host:8200.');
  }
  if (url.username || url.password || url.search || url.hash) {
    throw invalidArgument('address must hold neither credentials nor a query.');
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

function assertPath(value: unknown, name: string, pattern: RegExp): void {
  assertMatches(value, pattern, name, 'a name of letters, digits, "_", "-" and "."');
  if (value.split('/').some((part) => /^\.+$/.test(part))) {
    throw invalidArgument(`${name} must not hold "." or ".." as a part.`);
  }
}

function assertToken(token: unknown): asserts token is string {
  assertMatches(token, /^[\x21-\x7e]{1,8192}$/, 'token', 'a token, or a function that returns one');
}

async function currentToken(token: VaultTransitOptions['token']): Promise<string> {
  if (typeof token === 'string') return token;
  try {
    const current: unknown = await token();
    assertToken(current);
    return current;
  } catch (error) {
    throw new Failure('refused', `the function "token" gave no token (${publicNameOf(error)})`);
  }
}

function itemOf(wrapped: Uint8Array, tenantId: string) {
  return { ciphertext: Buffer.from(wrapped).toString('latin1'), context: base64(tenantId) };
}

function base64(bytes: Uint8Array | string): string {
  return typeof bytes === 'string'
    ? Buffer.from(bytes).toString('base64')
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

function wrappedBytes(ciphertext: unknown): Uint8Array {
  if (typeof ciphertext !== 'string' || versionOf(ciphertext) === undefined) throw incomplete();
  return Buffer.from(ciphertext);
}

// Not by Buffer.from, which decodes into the memory that Node shares among all small buffers.
function keyBytes(plaintext: unknown): Uint8Array {
  if (typeof plaintext !== 'string') throw incomplete();
  const bytes = Buffer.alloc(Buffer.byteLength(plaintext, 'base64'));
  return bytes.subarray(0, bytes.write(plaintext, 'base64'));
}

function incomplete(): Failure {
  return new Failure('transient', 'the answer is incomplete');
}

function versionOf(ciphertext: unknown): string | undefined {
  return /^vault:(v\d+):/.exec(String(ciphertext))?.[1];
}

// Statuses with the texts of Vault, which are matched and not shown.
const ANSWERS: Answers = [
  [/^400 .*(authentication failed|invalid ciphertext|illegal base64)/, 'rejected', NOT_OURS],
  [
    /^400 .*too old/,
    'refused',
    "The key's min_decryption_version is above that of the wrapped key.",
  ],
  [/^400 .*key not found/, 'refused', 'There is no such key: make it with derived=true.'],
  [/^404 .*no handler for route/, 'refused', 'There is no Transit engine at this mount.'],
  [/^403/, 'denied', 'the token is invalid or has expired'],
  [/^3\d\d/, 'refused', 'Redirects are not followed: name the active node.'],
];

function answered(status: number, text: unknown): Failure {
  return failureOf(ANSWERS, `${status} ${text}`, `status ${status}`, status);
}
