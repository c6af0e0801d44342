import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { Users } from '../../examples/crm/data/users.ts';
import { testDatabase } from '../support/database.ts';
import { hasPython, runNodeOnTerminal } from '../support/terminal.ts';

const { db } = await testDatabase();
const users = new Users(db);
const mongo = new URL(inject('mongoUri'));
mongo.pathname = `/${db.databaseName}`;
const env = { PATH: process.env.PATH ?? '', MONGO_URL: mongo.href };
const cwd = fileURLToPath(new URL('../..', import.meta.url));
const script = fileURLToPath(new URL('../../examples/crm/add-user.ts', import.meta.url));
const ada = ['--email', 'Ada@acme.example', '--name', 'Ada', '--tenant', 'acme'];
const password = ' of ada, with spaces ';

async function addUser(args: readonly string[], input: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], { cwd, env });
  child.stdin.end(input);
  const ended = once(child, 'exit');
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ]);
  return { code, stdout, stderr };
}

describe('npm run crm:add-user', () => {
  it('reads the password from standard input, and adds a member or an admin', async () => {
    const added = await addUser(ada, `${password}\n`);
    expect(added).toMatchObject({ code: 0, stderr: '' });
    expect(added.stdout).not.toContain(password);
    const who = { email: 'ada@acme.example', name: 'Ada', tenantId: 'acme' };
    expect(await users.authenticate('ada@acme.example', password)).toEqual({
      ...who,
      role: 'member',
    });
    expect(await users.authenticate('ada@acme.example', password.trim())).toBeUndefined();
    const bob = ['--email', 'bob@acme.example', '--name', 'Bob', '--tenant', 'acme'];
    expect((await addUser([...bob, '--role', 'admin'], password)).code).toBe(0);
    expect(await users.authenticate('bob@acme.example', password)).toMatchObject({ role: 'admin' });
  });

  it('replaces nobody, and says in a line what is wrong', async () => {
    const again = [...ada.slice(0, -1), 'globex'];
    const eve = ['--email', 'eve', '--name', 'Eve', '--tenant', 'acme'];
    const eva = ['--email', 'eva@acme.example', '--name', 'Eva', '--tenant', 'acme'];
    for (const [args, input, message] of [
      [again, 'another password', 'ada@acme.example has an account already.'],
      [eve, password, 'email: This is not an e-mail address.'],
      [ada, 'short', 'A password has 12 to 200 characters.'],
      [eva, `${password}\n${password}\n`, 'A password is one line'],
      [[...ada, '--role', 'root'], password, 'Allowed choices are admin, member.'],
      [[...ada, '--password', password], '', "unknown option '--password'"],
    ] as const) {
      const { code, stderr } = await addUser(args, input);
      expect(code).toBe(1);
      expect(stderr).toContain(message);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
    expect(await users.authenticate('ada@acme.example', password)).toMatchObject({
      tenantId: 'acme',
    });
  });

  it.runIf(hasPython)('asks at a terminal, without showing what is typed', async () => {
    const cleo = ['--email', 'cleo@acme.example', '--name', 'Cleo', '--tenant', 'acme'];
    const tsx = import.meta.resolve('tsx');
    const args = ['--import', tsx, script, ...cleo];
    const { code, shown } = await runNodeOnTerminal(
      args,
      [
        ['Password', 'typed in secret\r'],
        ['Once more', 'typed in secret\r'],
      ],
      { ...env, TSX_TSCONFIG_PATH: `${cwd}tsconfig.json` },
    );
    expect(code).toBe(0);
    expect(shown).not.toContain('typed in secret');
    expect(await users.authenticate('cleo@acme.example', 'typed in secret')).toBeDefined();
  });
});
