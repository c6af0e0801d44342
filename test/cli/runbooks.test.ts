import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Db } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { FakeSendGrid } from 'provider-vault/testing';
import { expect, it, onTestFinished } from 'vitest';
import { mongoPlace, testFolder } from '../support/cli-places.ts';
import { accountSid, authToken, sendgridKey } from '../support/fixtures.ts';
import { fillOldDatabase } from '../support/old-database.ts';
import { runCli } from '../support/run-cli.ts';

// The commands in the runbooks, and in the reference of the JSON, are run in their order on a database as
// the text describes it, and their outputs must be those of the text.
// `npm run test:processes -- test/cli/runbooks -u` writes them anew.

// The same keys in every run keep their ids in the text the same.
const keyOf = (text: string) => createHash('sha256').update(text).digest('base64');
const variables: Record<string, string> = {
  $OLD: keyOf('the old key of the runbooks'),
  $NEW: keyOf('the new key of the runbooks'),
};
const files: Record<string, string> = {
  'token.txt': `${authToken(9)}\n`,
  'twilio.json': JSON.stringify({ accountSid: accountSid(9), authToken: authToken(9) }),
};

const { db, env } = await mongoPlace();

/** The document with the outputs that its commands have now. */
async function replay(text: string, cwd: string | undefined): Promise<string> {
  const blocks = text.split(/(```console\n[\s\S]*?```)/);
  for (const [at, block] of blocks.entries()) {
    if (block.includes('```js\n')) await byHand();
    if (!block.startsWith('```console')) continue;
    const commands = block.split('\n').filter((line) => line.startsWith('$ '));
    const lines = [];
    for (const command of commands) {
      lines.push(command, ...(await outputOf(command, cwd)));
    }
    blocks[at] = ['```console', ...lines, '```'].join('\n');
  }
  return blocks.join('');
}

async function outputOf(command: string, cwd: string | undefined): Promise<string[]> {
  const parts = /^\$ ((?:\w+=\$\w+ )*)npx provider-vault ([^<]+?)(?: < (\S+))?$/.exec(command);
  if (parts === null) throw new Error(`No command of a runbook: ${command}`);
  const [, settings = '', args = '', file] = parts;
  const keys = settings
    .trim()
    .split(' ')
    .filter(Boolean)
    .map((setting) => setting.split('=') as [string, string])
    .map(([name, variable]) => [name, variables[variable] ?? '']);
  const words = args.split(' ').map((word) => variables[word] ?? word);
  const { code, stdout, stderr } = await runCli(words, {
    env: { ...env, APP_ENCRYPTION_KEY: variables.$OLD ?? '', ...Object.fromEntries(keys) },
    ...(file !== undefined && { input: files[file] ?? '' }),
    ...(cwd !== undefined && { cwd }),
  });
  const output = words.includes('--json')
    ? compact(JSON.parse(steady(stdout)))
    : steady(`${stderr}${stdout}`);
  return [...output.trimEnd().split('\n'), ...(code === 0 ? [] : [`[exit code ${code}]`])];
}

/** An output without what differs from run to run. */
function steady(output: string): string {
  return output
    .replace(/^\w+ing: \d+ of .*\n/gm, '') // the progress, where a machine takes seconds
    .replaceAll(db.databaseName, 'crm')
    .replace(process.versions.node, '20.20.2')
    .replaceAll(accountSid(9), 'AC…')
    .replace(/\/[0-9a-f]{24}$/gm, '/64f0c2a1…')
    .replace(/"\d{4}-[\d-]+T[\d:.]+Z"/g, '"2026-01-31T12:00:00.000Z"')
    .replace(/("etag": )"[\w+/]{16}"/g, '$1"q83vASNFZ4mrze8B"')
    .replace(/("key": )"[\w+/]{43}="(,\s+"keyId": )"\w+"/g, '$1"…"$2"3f9a1c07"');
}

/** JSON of which each part has one line, if that is short enough. */
function compact(value: unknown, indent = ''): string {
  const line = JSON.stringify(value, null, 1).replace(/\n */g, ' ');
  if (line.length <= 100 || typeof value !== 'object' || value === null) return line;
  const [begin, end] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const members = Object.entries(value).map(([name, member]) => {
    const label = Array.isArray(value) ? '' : `${JSON.stringify(name)}: `;
    return `${indent}  ${label}${compact(member, `${indent}  `)}`;
  });
  return [begin, members.join(',\n'), `${indent}${end}`].join('\n');
}

async function oldDatabase(db: Db): Promise<void> {
  await fillOldDatabase(db, 40, variables.$OLD ?? '');
  await db.collection('settings').insertMany([
    { user_id: 'user-4', twilio_auth_token: authToken(9) },
    { user_id: 'user-8', openai_api_key: 'two words' },
  ]);
}

/** What a text says to do in a mongo shell. */
async function byHand(): Promise<void> {
  const settings = db.collection('settings');
  const filter = { user_id: 'user-4', theme: 'dark' };
  await settings.updateOne(filter, { $unset: { twilio_auth_token: '' } });
}

async function vaultOfOneKey(db: Db): Promise<void> {
  const keys = new Keyring({ encryptionKey: variables.$OLD ?? '' });
  const vault = new SecretsVault({ store: new MongoSecretStore(db), keys });
  await new MongoSecretStore(db).init();
  for (const [n, tenant] of ['acme', 'beta', 'gamma'].entries()) {
    await vault.put(tenant, 'twilio', { accountSid: accountSid(n), authToken: authToken(n) });
  }
}

/** A repository of which an earlier commit holds a secret, with the same commit ids in every run. */
async function repository(db: Db): Promise<string> {
  await vaultOfOneKey(db);
  const cwd = await testFolder();
  const date = '2024-05-01T12:00:00Z';
  const env = { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
  const git = (...args: string[]) => {
    const identity = ['-c', 'user.name=crm', '-c', 'user.email=crm@example.com'];
    execFileSync('git', [...identity, ...args], { cwd, env });
  };
  git('init', '--quiet');
  await writeFile(join(cwd, '.gitignore'), '.env\n');
  for (const token of [
    `'${['3f9a', '07c2', 'd81e', '5b64'].join('').repeat(2)}'`,
    'stored.authToken',
  ]) {
    await writeFile(join(cwd, 'send.ts'), `const authToken = ${token};\n`);
    git('add', '--all');
    git('commit', '--quiet', '--message', 'Send a message');
  }
  return cwd;
}

/** Records of three tenants, a setting in plaintext, and a stand-in of SendGrid. */
async function vaultForJson(db: Db): Promise<string> {
  await vaultOfOneKey(db);
  const keys = new Keyring({ encryptionKey: variables.$OLD ?? '' });
  const vault = new SecretsVault({ store: new MongoSecretStore(db), keys });
  const scopes = ['mail.send', 'api_keys.read', 'api_keys.create', 'api_keys.delete'];
  const sendgrid = await FakeSendGrid.start({ keys: [{ apiKey: sendgridKey(1), scopes }] });
  onTestFinished(() => sendgrid.close());
  variables.$SENDGRID = sendgrid.url;
  await vault.put('beta', 'sendgrid', { apiKey: sendgridKey(1) });
  await db.collection('settings').insertOne({ user_id: 'acme', openai_api_key: 'k'.repeat(40) });
  return testFolder();
}

it.each([
  ['runbooks/upgrade-from-the-old-system', oldDatabase],
  ['runbooks/rotate-a-key', vaultOfOneKey],
  ['runbooks/secret-in-git-history', repository],
  ['reference/cli-json', vaultForJson],
])('%s shows what its commands say', async (name, prepare) => {
  await db.dropDatabase();
  const cwd = await prepare(db);
  const path = new URL(`../../docs/${name}.md`, import.meta.url);
  const text = await readFile(path, 'utf8');
  await expect(await replay(text, cwd ?? undefined)).toMatchFileSnapshot(path.pathname);
});
