import { pino } from 'pino';
import { expect, inject, it } from 'vitest';
import { startDemoCrm } from '../../examples/demo/demo-crm.ts';
import { tellStory } from '../../examples/demo/story.ts';
import { secretsOf } from '../../examples/demo/tenants.ts';
import { upgrade } from '../../examples/upgrade/upgrade.ts';
import { testDatabase } from '../support/database.ts';
import { runScript } from '../support/run-script.ts';

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

it('npm run demo ends by itself where nobody can click', async () => {
  const { code, stdout } = await runScript('examples/demo/main.ts', [], env);
  expect(code).toBe(0);
  expect(stdout).toContain('8. Who saw a secret?');
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
