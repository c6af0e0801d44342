import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { generateKey, Keyring } from 'provider-vault';
import { afterAll, describe, expect, it } from 'vitest';
import { codeBlocks } from '../support/code-blocks.ts';
import { startAws } from '../support/moto.ts';
import { startVault, vaultCommand } from '../support/openbao.ts';
import { runScript } from '../support/run-script.ts';

// The code and the commands of the guide, run as they stand there.

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = await readFile(join(root, 'docs/guides/keys-in-a-kms.md'), 'utf8');

/** The blocks of a language under a heading of the guide. */
function blocks(heading: string, language: string): string[] {
  const [, ...sections] = guide.split(/^#+ /m);
  const section = sections.find((text) => text.startsWith(`${heading}\n`));
  return codeBlocks(section ?? '', language).map(({ code }) => code);
}

// Inside the project, so that its packages and its public names are found.
const folder = await mkdtemp(join(root, 'test', '.guide-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a block of code, followed by `then`. */
async function run(code: string | undefined, then: string, env: Record<string, string>) {
  const file = join(folder, `${randomUUID()}.ts`);
  await writeFile(file, `${code}\n${then}\n`);
  const { stdout, stderr, code: exit } = await runScript(file, [], env);
  expect(exit, stderr).toBe(0);
  return stdout.trim();
}

const key = generateKey();
const keyId = new Keyring({ encryptionKey: key }).encryptionKeyId;
const printId = 'console.log(keys.encryptionKeyId);';
const sealAndOpen = `
  import { MemorySecretStore, SecretsVault } from 'provider-vault';
  const vault = new SecretsVault({ store: new MemorySecretStore(), keys });
  await vault.put('acme', 'custom', { apiKey: 'x' });
  const { apiKey, meta } = await vault.require('acme', 'custom');
  console.log(apiKey, meta.keyId.slice(0, 3));`;

describe('AWS', async () => {
  const server = await startAws();
  afterAll(() => server.stop());
  const { endpoint, region, credentials } = server.settings;
  const env = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };

  it('loads the key from Secrets Manager', async () => {
    const Name = 'crm/app-encryption-key';
    const [code] = blocks('AWS Secrets Manager', 'ts');
    await expect(run(code, '', env)).rejects.toThrow('ERR_KEY_MISSING');
    const client = new SecretsManagerClient(server.settings);
    await client.send(new CreateSecretCommand({ Name, SecretString: key }));
    expect(await run(code, printId, env)).toBe(keyId);
  });

  it('wraps tenant keys', async () => {
    const { KeyMetadata } = await new KMSClient(server.settings).send(new CreateKeyCommand({}));
    const [code] = blocks('AWS KMS', 'ts');
    const KMS_KEY_ID = KeyMetadata?.KeyId ?? '';
    expect(await run(code, sealAndOpen, { ...env, KMS_KEY_ID })).toBe('x t1-');
  });

  it('has a policy of two actions, for the purpose that the wrapper names', () => {
    const [policy = ''] = blocks('AWS KMS', 'json');
    expect(JSON.parse(policy)).toMatchObject({
      Action: ['kms:Encrypt', 'kms:Decrypt'],
      Condition: {
        StringEquals: { 'kms:EncryptionContext:purpose': 'provider-vault/tenant-key' },
      },
    });
  });
});

describe('Vault', async () => {
  const server = await startVault();
  afterAll(() => server.stop());
  const shell = promisify(execFile);

  /** Runs commands of the guide with OpenBao's client, then gives a token of the policy. */
  async function tokenAfter(heading: string, policy: string): Promise<string> {
    const command = await vaultCommand();
    const [commands = ''] = blocks(heading, 'sh');
    const script = `set -eo pipefail
      vault() { "${command}" "$@"; }
      npx() { echo "$KEY"; }
${commands}`;
    await shell('bash', ['-c', script], {
      env: {
        PATH: process.env.PATH,
        KEY: key,
        VAULT_ADDR: server.address,
        VAULT_TOKEN: server.rootToken,
      },
    });
    return server.tokenFor(policy);
  }

  it('loads the key from KV', async () => {
    const VAULT_TOKEN = await tokenAfter('Vault or OpenBao, KV version 2', 'crm-key');
    const [code] = blocks('Vault or OpenBao, KV version 2', 'ts');
    const env = { VAULT_ADDR: server.address, VAULT_TOKEN };
    expect(await run(code, printId, env)).toBe(keyId);
    const refused = run(code, printId, { ...env, VAULT_TOKEN: 'none' });
    await expect(refused).rejects.toThrow('ERR_KEY_UNAVAILABLE');
  });

  it('wraps tenant keys', async () => {
    await server.api('DELETE', 'sys/mounts/transit');
    const VAULT_TOKEN = await tokenAfter('Vault Transit', 'crm-tenant-keys');
    const [code] = blocks('Vault Transit', 'ts');
    const env = { VAULT_ADDR: server.address, VAULT_TOKEN };
    expect(await run(code, sealAndOpen, env)).toBe('x t1-');
    await server.api('POST', 'transit/keys/crm/rotate');
    const rewrap = `${sealAndOpen}\nconst { upToDate } = await keys.rewrap();\nconsole.log(upToDate);`;
    expect(await run(code, rewrap, env)).toBe('x t1-\n1');
  });
});

describe('without a server', () => {
  it('reads the key from a mounted file', async () => {
    const file = join(folder, 'app_encryption_key');
    await writeFile(file, `${key}\n`);
    const [code] = blocks('A secret of Docker or Kubernetes', 'ts');
    expect(await run(code, printId, { APP_ENCRYPTION_KEY_FILE: file })).toBe(keyId);
  });

  it('wraps tenant keys with a keyring', async () => {
    const [code] = blocks('A keyring in the place of a KMS', 'ts');
    expect(await run(code, sealAndOpen, { APP_ENCRYPTION_KEY: key })).toBe('x t1-');
  });

  it('builds the wrappers of Google Cloud KMS and Azure Key Vault', async () => {
    const [google] = blocks('Google Cloud KMS (experimental)', 'ts');
    const [azure] = blocks('Azure Key Vault (experimental)', 'ts');
    expect(await run(google, `console.log('built'); process.exit();`, {})).toBe('built');
    const AZURE_KEY_URL = `https://crm.vault.azure.net/keys/tenants/${'0'.repeat(32)}`;
    expect(await run(azure, `console.log('built');`, { AZURE_KEY_URL })).toBe('built');
  });
});
