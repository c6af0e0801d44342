import { Ajv2020 } from 'ajv/dist/2020.js';
import { sendgridProvider } from 'provider-vault';
import { createSettingsHandler, settingsSchema } from 'provider-vault/settings';
import { expect, it } from 'vitest';
import { codeBlocks } from '../support/code-blocks.ts';
import { root, sources, textOf } from '../support/documents.ts';
import { memoryVault, sendgridKey } from '../support/fixtures.ts';

const page = textOf('docs/reference/settings-contract.md');
interface Schema {
  readonly properties: Record<string, object>;
  readonly required: readonly string[];
}
const bodies = settingsSchema.$defs as Record<string, Schema>;

it('the schema is the one that is exported', async () => {
  const path = `${root}docs/reference/settings-contract.schema.json`;
  await expect(`${JSON.stringify(settingsSchema, null, 2)}\n`).toMatchFileSnapshot(path);
});

it('lists the members of every body', () => {
  const [, table = ''] = page.split('## Bodies');
  const rows = [...table.matchAll(/^\| `(\w+)` +\| (.*?) *\|$/gm)];
  expect(rows.map(([, name]) => name)).toEqual(Object.keys(bodies));
  for (const [, name = '', cell = ''] of rows) {
    const { properties, required } = bodies[name] as Schema;
    // What stands behind a colon describes a member.
    const members = cell.split(', ').map((member) => member.split(':')[0] ?? '');
    const named = members.flatMap((member) => /^\[?`(\w+)`/.exec(member)?.[1] ?? []);
    expect(named, name).toEqual(Object.keys(properties));
    const optional = members.filter((member) => member.startsWith('['));
    const expected = Object.keys(properties).filter((member) => !required.includes(member));
    expect(optional, name).toEqual(expected.map((member) => `[\`${member}\`]`));
  }
});

it('lists every failure', () => {
  const [, table = ''] = page.split('## Failures');
  const listed = [...table.matchAll(/^\| (\d{3}) +\| (.*?) +\|/gm)].map(
    ([, status, code = '']) => `${status} ${/^`(\w+)`$/.exec(code)?.[1] ?? 'error.code'}`,
  );
  const settings = sources.filter((path) => path.startsWith('src/settings/')).map(textOf);
  const thrown = settings.flatMap((text) => [
    ...text.matchAll(/new Refusal\((\d{3}), '?([\w.]+)'?/g),
  ]);
  expect(listed).toEqual(
    [...new Set(thrown.map(([, status, code]) => `${status} ${code}`))].sort(),
  );
});

it('the example is what the handler answers', async () => {
  const { vault } = memoryVault();
  const { etag } = await vault.put('acme', 'sendgrid', { apiKey: sendgridKey(1) });
  const handle = createSettingsHandler({
    vault,
    providers: [sendgridProvider],
    basePath: '/api/provider-settings',
    identify: () => ({ tenantId: 'acme', actor: 'ann', may: { write: true } }),
  });
  const [code] = codeBlocks(page, 'ts');
  const request = /fetch\(([\s\S]*?)\);\n/.exec(code?.code ?? '')?.[1];
  const [path, init] = new Function('etag', `return [${request}];`)(etag);
  const answer = await handle(new Request(new URL(path, 'http://localhost'), init));
  const [example] = codeBlocks(page, 'json');
  const body = JSON.parse(example?.code ?? '');
  expect([answer.status, await answer.json()]).toEqual([422, body]);
  const ajv = new Ajv2020({ formats: { 'date-time': true } });
  ajv.addSchema(settingsSchema);
  expect(ajv.validate('urn:provider-vault:settings:1#/$defs/SettingsFailure', body)).toBe(true);
});
