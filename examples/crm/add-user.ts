// npm run crm:add-user -- --email ada@acme.example --name Ada --tenant acme [--role admin]

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { MongoClient } from 'mongodb';
import { mongoUrl } from './config.ts';
import { Users } from './data/users.ts';
import { emailOf, textOf } from './http/input.ts';
import type { Role } from './http/sessions.ts';

const MIN_PASSWORD = 12;
const MAX_PASSWORD = 200; // as at the login

const options = new Command('npm run crm:add-user --')
  .description(
    'Adds somebody who may log in. The password is asked for, or read from standard input: it is never an argument, which other users of the machine could read.',
  )
  .requiredOption('--email <address>')
  .requiredOption('--name <name>')
  .requiredOption('--tenant <id>', 'the customer whose data this user sees')
  .addOption(
    new Option('--role <role>', 'an admin may change and delete credentials')
      .choices(['admin', 'member'])
      .default('member'),
  )
  .addHelpText('after', '\nThe database is the one of MONGO_URL.')
  .parse()
  .opts<{ email: string; name: string; tenant: string; role: Role }>();

try {
  await addUser();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function addUser(): Promise<void> {
  const email = emailOf(options, 'email');
  const [name, tenantId] = [textOf(options, 'name'), textOf(options, 'tenant', 128)];
  const password = await readPassword();
  const problem = problemOf(password);
  if (problem) throw new Error(problem);
  const mongo = await MongoClient.connect(mongoUrl(process.env));
  try {
    await new Users(mongo.db()).add(email, password, { name, tenantId, role: options.role });
  } finally {
    await mongo.close();
  }
  console.log(`${email} may log in, as ${options.role} of ${tenantId}.`);
}

/** One line of standard input, or what somebody types at the terminal without its being shown. */
async function readPassword(): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(/\r?\n$/, '');
  const typed = await askHidden('Password: ');
  if ((await askHidden('Once more: ')) === typed) return typed;
  throw new Error('These are two different passwords. Nobody was added.');
}

async function askHidden(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_text, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  reader.once('SIGINT', () => process.exit(130));
  process.stderr.write(question);
  try {
    return await reader.question('');
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}

function problemOf(password: string): string | undefined {
  if (/[\r\n]/.test(password)) return 'A password is one line: a login form takes no more.';
  if (password.length >= MIN_PASSWORD && password.length <= MAX_PASSWORD) return undefined;
  return `A password has ${MIN_PASSWORD} to ${MAX_PASSWORD} characters.`;
}
