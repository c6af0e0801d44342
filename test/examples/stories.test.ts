import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { expect, inject, it, onTestFinished } from 'vitest';
import { startDemoCrm } from '../../examples/demo/demo-crm.ts';
import { tellStory } from '../../examples/demo/story.ts';
import { secretsOf } from '../../examples/demo/tenants.ts';
import { upgrade } from '../../examples/upgrade/upgrade.ts';
import { testDatabase } from '../support/database.ts';
import { runScript } from '../support/run-script.ts';
import { hasPython, runNodeOnTerminal } from '../support/terminal.ts';

const { db: storyDb } = await testDatabase();
const { db: upgradeDb } = await testDatabase();
const env = { TEST_MONGODB_URI: inject('mongoUri') };

it('npm run demo -- --headless tells its story, and ends', async () => {
  const { code, stdout, stderr } = await runScript('examples/demo/main.ts', ['--headless'], env);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toContain('ERR_NOT_CONFIGURED');
  expect(stdout).toMatch(/none of \d+ answers of the CRM, and no document of its database/);
  expect(stdout).not.toMatch(/SG\.\w|password/);
});

it('npm run demo ends by itself where nobody can click, and says why', async () => {
  const { code, stdout } = await runScript('examples/demo/main.ts', [], env);
  expect(code).toBe(0);
  expect(stdout).toContain('8. Who saw a secret?');
  expect(stdout).toContain('The demo ends here, because its output is not a terminal.');
});

it('npm run demo explains itself, and says in one line what is wrong', async () => {
  const help = await runScript('examples/demo/main.ts', ['--help'], env);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('--headless');
  expect(help.stdout.match(/default/g)).toHaveLength(1); // a free port, and not 0
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  for (const [args, message] of [
    [['--port', String(port)], `Port ${port} of 127.0.0.1 is taken by another program.`],
    [['--port', 'http'], "option '--port <number>' argument 'http' is invalid."],
    [['--headles'], "unknown option '--headles'"],
    [['now'], 'too many arguments'],
    [['--real'], 'because its output is not a terminal'],
    [['--real', '--headless'], "option '--real' cannot be used with option '--headless'"],
  ] as const) {
    const { code, stderr } = await runScript('examples/demo/main.ts', args, env);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2); // with "Did you mean"
  }
});

it.runIf(hasPython)('npm run demo at a terminal says where it is and what to click', async () => {
  const main = fileURLToPath(new URL('../../examples/demo/main.ts', import.meta.url));
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const { code, shown } = await runNodeOnTerminal(
    ['--import', import.meta.resolve('tsx'), main],
    [['Ctrl-C ends it.', '\x03']],
    { ...env, TSX_TSCONFIG_PATH: `${cwd}tsconfig.json` },
  );
  expect(code).toBe(0);
  expect(shown).toMatch(/The CRM is at http:\/\/127\.0\.0\.1:\d+/);
  expect(shown).toContain('Click "Test connection"');
  expect(shown).toContain('let Twilio or SendGrid fail');
});

it('prints no secret in its story', async () => {
  const password = 'of-the-story';
  const crm = await startDemoCrm({ db: storyDb, log: pino({ level: 'silent' }), password });
  const lines: string[] = [];
  await tellStory(crm, password, (line) => lines.push(line));
  await crm.close();
  const text = lines.join('\n');
  for (const secret of secretsOf(crm.tenants)) expect(text.includes(secret)).toBe(false);
});

it('the upgrade leaves nothing in plaintext and nothing unbound', async () => {
  const lines: string[] = [];
  await upgrade(upgradeDb, (line) => lines.push(line));
  expect(lines.at(-1)).toContain('refuses unbound records opens both tenants');
  const settings = await upgradeDb.collection('settings').find().toArray();
  expect(settings.flatMap((document) => Object.keys(document))).not.toContain('twilio_auth_token');
  expect(settings).toContainEqual(expect.objectContaining({ company_name: 'Globex' }));
});

it('the custom provider pushes for two tenants, and shows no token', async () => {
  const { code, stdout, stderr } = await runScript('examples/custom-provider/main.ts');
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toContain("{ workspace: 'globex', text: 'Hello from globex' }");
  expect(stdout).toContain('ERR_INVALID_ARGUMENT');
  expect(stdout).not.toMatch(/bcn_\w{16,}/);
});
