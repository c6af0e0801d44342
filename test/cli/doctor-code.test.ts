import { execFileSync, spawnSync } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { filePlace, testFolder } from '../support/cli-places.ts';
import { accountSid, authToken, newKey, sendgridKey } from '../support/fixtures.ts';
import { cli, runCli } from '../support/run-cli.ts';

const { env: place } = await filePlace();
const env = { ...place, APP_ENCRYPTION_KEY: newKey() };
// Random enough to be taken for real ones, and made here, because a secret scan reads this file.
const twilioToken = ['3f9a', '07c2', 'd81e', '5b64'].join('').repeat(2);
const sendgrid = [
  'SG',
  'aB3dE6gH9jK2mN5pQ8sT1v',
  'aB3dE6gH9jK2mN5pQ8sT1vaB3dE6gH9jK2mN5pQ8sT1',
].join('.');

let folder: string;
const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, stdio: 'pipe' });
const write = (name: string, text: string) => writeFile(join(folder, name), text);

function commit(message: string) {
  git('add', '--all');
  git('-c', 'user.name=t', '-c', 'user.email=t@example', 'commit', '--quiet', '-m', message);
}

beforeEach(async () => {
  folder = await testFolder();
  git('init', '--quiet');
  await write('.gitignore', '.env\n');
  await runCli(['init'], { env });
});

async function doctor(path = folder) {
  const { code, stdout } = await runCli(['doctor', '--code', path, '--json'], { env });
  for (const secret of [twilioToken, sendgrid]) expect(stdout).not.toContain(secret);
  const { checks } = JSON.parse(stdout) as {
    checks: { name: string; state: string; text: string; todo?: string }[];
  };
  return { code, of: (name: string) => checks.find((check) => check.name === name) };
}

describe('doctor --code', () => {
  it('passes code that holds no secret', async () => {
    await write(
      'a.ts',
      `const authToken = '${'x'.repeat(32)}';\nconst sid = '${accountSid(1)}';\n`,
    );
    await write('b.ts', 'const authToken = process.env.TWILIO_AUTH_TOKEN;\n');
    commit('one');
    const { code, of } = await doctor();
    expect(code).toBe(0);
    expect(of('secrets in the code')).toMatchObject({ state: 'pass', text: 'none in 3 files' });
    expect(of('secrets in the git history')).toMatchObject({
      state: 'pass',
      text: 'none in 1 commit',
    });
    expect(of('.env and git')).toMatchObject({ state: 'pass' });
    expect(of('client')).toMatchObject({ state: 'pass' });
  });

  it.each([
    ['a key of SendGrid', `\n  apiKey: '${sendgrid}',\n`, 'a.ts:2 (SENDGRID_KEY)'],
    ['a token of Twilio, by its name', `authToken: '${twilioToken}'`, 'a.ts:1 (TWILIO_SECRET)'],
    ['in the environment', `TWILIO_AUTH_TOKEN=${twilioToken}`, 'a.ts:1 (TWILIO_SECRET)'],
    ['by its place', `twilio('${accountSid(1)}', '${twilioToken}')`, 'a.ts:1 (TWILIO_SECRET)'],
    ['a key of the vault', `APP_ENCRYPTION_KEY=${newKey()}`, 'a.ts:1 (APP_ENCRYPTION_KEY)'],
  ])('finds %s in the code', async (_what, text, place) => {
    await write('a.ts', text);
    const { code, of } = await doctor();
    expect(code).toBe(1);
    expect(of('secrets in the code')).toMatchObject({ state: 'fail', text: place });
    expect(of('secrets in the git history')).toMatchObject({ state: 'pass' });
  });

  it('leaves out what git ignores, and looks without git too', async () => {
    await write('.env', `SENDGRID_API_KEY=${sendgrid}`);
    expect((await doctor()).of('secrets in the code')).toMatchObject({ state: 'pass' });
    await rm(join(folder, '.git'), { recursive: true });
    await mkdir(join(folder, 'node_modules'));
    await write('node_modules/a.js', `'${sendgrid}'`);
    const { of } = await doctor();
    expect(of('secrets in the code')).toMatchObject({
      state: 'fail',
      text: '.env:1 (SENDGRID_KEY)',
    });
    expect(of('secrets in the git history')).toMatchObject({ state: 'warn' });
  });

  it('finds what an earlier commit held, on any branch, and says what to do first', async () => {
    await write('a b.ts', `one\ntwo '${sendgrid}'\n`);
    commit('adds it');
    await write('a b.ts', 'one\n');
    commit('removes it');
    git('checkout', '--quiet', '-b', 'side');
    await write('c.ts', `authToken = '${twilioToken}'`);
    commit('another');
    git('checkout', '--quiet', '-');
    const { code, of } = await doctor();
    expect(code).toBe(1);
    expect(of('secrets in the code')).toMatchObject({ state: 'pass' });
    expect(of('secrets in the git history')).toMatchObject({
      state: 'fail',
      text: expect.stringMatching(
        /^c\.ts in [0-9a-f]{7} \(TWILIO_SECRET\), a b\.ts in [0-9a-f]{7} \(SENDGRID_KEY\)$/,
      ),
      todo: expect.stringMatching(/replace them first, then rewrite the history/),
    });
  });

  it('a clone without the older commits is no proof', async () => {
    await write('a.ts', '1');
    commit('one');
    await write('a.ts', '2');
    commit('two');
    const clone = join(folder, 'clone');
    git('clone', '--quiet', '--depth', '1', `file://${folder}`, clone);
    expect((await doctor(clone)).of('secrets in the git history')).toMatchObject({ state: 'warn' });
  });

  it('.env must be in .gitignore before there is one', async () => {
    await write('.gitignore', '');
    expect((await doctor()).of('.env and git')).toMatchObject({ state: 'warn' });
  });

  it('loads a client of a tenant that has credentials', async () => {
    const settings = {
      env,
      input: JSON.stringify({ accountSid: accountSid(1), authToken: authToken(1) }),
    };
    await runCli(['set', 'acme', 'twilio'], settings);
    await runCli(['set', 'acme', 'sendgrid', 'senderEmail'], { env, input: 'crm@acme.example' });
    const { code, of } = await doctor();
    expect(of('twilio client')).toMatchObject({
      state: 'pass',
      text: expect.stringContaining('"acme"'),
    });
    expect(of('sendgrid client')).toMatchObject({
      state: 'fail',
      text: expect.stringContaining('apiKey'),
    });
    expect(code).toBe(1);
    await runCli(['set', 'acme', 'sendgrid', 'apiKey'], { env, input: sendgridKey(1) });
    expect((await doctor()).of('sendgrid client')).toMatchObject({ state: 'pass' });
  });

  it('says how to install the scanner where it is missing', async () => {
    const elsewhere = join(folder, 'cli');
    await cp(join(cli.args[0] as string, '..'), elsewhere, { recursive: true });
    await writeFile(join(elsewhere, 'package.json'), '{"type":"module"}');
    const args = [join(elsewhere, 'main.js'), 'doctor', '--code', folder, '--json'];
    const { status, stdout } = spawnSync(cli.command, args, { env: { ...cli.env, ...env } });
    expect(status).toBe(1);
    expect(JSON.parse(String(stdout)).error).toEqual({
      code: 'ERR_PEER_MISSING',
      message: expect.stringMatching(/npm install secretlint @secretlint\S+preset-recommend$/),
    });
  });

  it('of a path that is not a folder is a wrong command line', async () => {
    expect((await runCli(['doctor', '--code', join(folder, 'none')], { env })).code).toBe(2);
  });
});
