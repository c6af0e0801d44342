import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { testFolder } from '../support/cli-places.ts';
import { codeBlocks, modulesOf } from '../support/code-blocks.ts';
import { textOf } from '../support/documents.ts';
import { importModule } from '../support/run-module.ts';
import { actor, db, logged, vault } from './names/running.ts';

// The code of guides that need nothing but a database, run on one. Other tests beside this one, and
// in test/integration and test/examples, run the guides that need more.

const modules = (guide: string) => modulesOf(codeBlocks(textOf(`docs/guides/${guide}.md`), 'ts'));
const run = (code = '', end = '') => importModule(`${code}\n${end}`, 'test/docs/names/running.ts');
const folder = await testFolder();

it('audit: the sink finds who has read a token', async () => {
  const [code] = modules('audit');
  const { found } = await run(
    code?.replace('await sink.find', 'const found = await sink.find'),
    'await sink.close(); export { found };',
  );
  expect(found).toMatchObject([{ action: 'get', actor: 'ann', reason: 'support case 17' }]);
});

it('cache and history: an earlier version comes back', async () => {
  const [code] = modules('cache-and-history');
  await run(code, 'await vault.close();');
  const now = await vault.require('acme', 'twilio');
  expect([now.edge, now.meta.rev, now.meta.updatedBy]).toEqual(['sydney', 8, actor]);
  expect(await vault.history('acme', 'twilio')).toEqual([]);
});

it('migrating: a dry run reports, and the first use imports', async () => {
  await db.collection('settings').insertMany([
    { user_id: 'delta', openai_api_key: 'd'.repeat(40) },
    { user_id: 'epsilon', sendgrid_from_email: 'e@example.com' },
  ]);
  const [dryRun, firstUse] = modules('migrating-from-settings');
  const { report } = await run(dryRun, 'export { report };');
  expect(report).toMatchObject({ scanned: 2, failedCount: 0 });
  expect(await vault.get('delta', 'openai')).toBeUndefined();
  const imported = "export const imported = await vault.get('delta', 'openai');";
  expect(await run(firstUse, imported)).toMatchObject({ imported: { apiKey: 'd'.repeat(40) } });
});

it('shared operations: all records are rotated, by ranges and by parts', async () => {
  process.env.JOB_INDEX = '0';
  for (const code of modules('shared-operations')) await run(code);
  delete process.env.JOB_INDEX;
  expect(logged).toContainEqual(expect.objectContaining({ done: expect.any(Number) }));
});

it('stores: MongoDB, and one file', async () => {
  const [mongo, , file] = modules('stores');
  await run(mongo);
  const path = join(folder, 'secrets.json');
  await run(file?.replace("'./secrets.json'", JSON.stringify(path)), 'await store.init();');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({});
});

it('testing: stand-ins and failing stores do what the guide says', async () => {
  const [standIns, failures, ...others] = modules('testing');
  expect(others).toEqual([]);
  const all = await run(standIns, 'export { twilio, sendgrid };');
  expect(all).toMatchObject({ twilio: { messages: [{ body: 'Hello' }] } });
  const end = "await vault.list('acme'); await sendgrid.close(); export const { calls } = faulty;";
  expect(await run(failures, end)).toMatchObject({ calls: ['list'] });
});
