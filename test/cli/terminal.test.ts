import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { filePlace } from '../support/cli-places.ts';
import { accountSid, authToken, newKey } from '../support/fixtures.ts';
import { runCli } from '../support/run-cli.ts';
import { hasPython, runNodeOnTerminal, runOnTerminal, type Step } from '../support/terminal.ts';

const { env: place } = await filePlace();
const env = { ...place, APP_ENCRYPTION_KEY: newKey() };
const ENTER = '\r';
const CTRL_C = '\x03';
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const tsconfig = fileURLToPath(new URL('../../tsconfig.json', import.meta.url));
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a colour begins with
const COLOUR = /\x1b\[[\d;]*m/;

async function stored(): Promise<unknown> {
  const { stdout } = await runCli(['get', 'acme', 'twilio', '--reveal', '--json'], { env });
  return JSON.parse(stdout).fields;
}

beforeAll(async () => {
  expect((await runCli(['init'], { env })).code).toBe(0);
});

describe('on a terminal', () => {
  it('set asks for one value, and does not show it', async () => {
    const steps: Step[] = [['authToken', authToken(3) + ENTER]];
    const { code, shown } = await runOnTerminal(['set', 'acme', 'twilio', 'authToken'], steps, env);
    expect(shown).toContain('revision 1');
    expect(code).toBe(0);
    expect(shown).not.toContain(authToken(3));
    expect(await stored()).toEqual({ authToken: authToken(3) });
  });

  it('set asks for each field in turn; Enter keeps', async () => {
    const steps: Step[] = [
      ['accountSid (', accountSid(3) + ENTER],
      ['authToken (', ENTER],
      ...['authTokenSecondary', 'apiKey', 'apiSecret', 'oauthClientId', 'oauthClientSecret'].map(
        (field): Step => [`${field} (`, ENTER],
      ),
      ...['phoneNumber', 'whatsappNumber'].map((field): Step => [`${field} (`, ENTER]),
      ...['twimlAppSid', 'agentPhoneNumber', 'region', 'edge'].map(
        (field): Step => [`${field} (`, ENTER],
      ),
    ];
    const { code, shown } = await runOnTerminal(['set', 'acme', 'twilio'], steps, env);
    expect(code).toBe(0);
    expect(shown).not.toContain(accountSid(3));
    expect(shown).not.toContain(authToken(3));
    expect(await stored()).toEqual({ accountSid: accountSid(3), authToken: authToken(3) });
  });

  it('Ctrl-C at the prompt changes nothing: exit code 130', async () => {
    const steps: Step[] = [['authToken', `partial${CTRL_C}`]];
    const { code, shown } = await runOnTerminal(['set', 'acme', 'twilio', 'authToken'], steps, env);
    expect(code).toBe(130);
    expect(shown).not.toContain('partial');
    expect(await stored()).toMatchObject({ authToken: authToken(3) });
  });

  it('a long operation shows its progress, and takes it away', async () => {
    const { code, shown } = await runOnTerminal(['verify'], [], env);
    expect(code).toBe(0);
    expect(shown).toMatch(/Verifying .*1\/1/);
    expect((await runCli(['verify'], { env })).stderr).toBe('');
  });

  // Without Python the terminal is pretended, and Ctrl-C sends no signal.
  it.runIf(hasPython)('a second Ctrl-C stops at once, and brings the cursor back', async () => {
    const worker = fileURLToPath(
      new URL('../support/workers/hanging-operation.ts', import.meta.url),
    );
    const steps: Step[] = [
      ['1/2', CTRL_C],
      ['Stopping', CTRL_C],
    ];
    const tsx = ['--import', import.meta.resolve('tsx'), worker];
    const { code, shown } = await runNodeOnTerminal(tsx, steps, { TSX_TSCONFIG_PATH: tsconfig });
    expect(code).toBe(130);
    expect(shown.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(shown.lastIndexOf(HIDE_CURSOR));
    expect(shown).toContain(HIDE_CURSOR);
  });

  it('delete asks, and no is the default', async () => {
    const no = await runOnTerminal(['delete', 'acme', 'twilio'], [['Delete', ENTER]], env);
    expect(no.shown).toContain('Nothing was deleted');
    expect(no.code).toBe(1);
    const yes = await runOnTerminal(['delete', 'acme', 'twilio'], [['Delete', 'y']], env);
    expect(yes.code).toBe(0);
    expect((await runCli(['get', 'acme', 'twilio'], { env })).code).toBe(1);
  });

  it('colours, unless NO_COLOR says no', async () => {
    const args = ['get', 'nobody', 'twilio'];
    const coloured = await runOnTerminal(args, [], env);
    expect(coloured.shown).toContain('\x1b[31mERR_SECRET_NOT_FOUND');
    const plain = await runOnTerminal(args, [], { ...env, NO_COLOR: '1' });
    expect(plain.shown).toContain('ERR_SECRET_NOT_FOUND');
    expect(plain.shown).not.toContain('\x1b[');
    const prompt = await runOnTerminal(['delete', 'a', 'b'], [['Delete', ENTER]], {
      ...env,
      NO_COLOR: '1',
    });
    expect(prompt.shown).not.toMatch(COLOUR);
  });
});
