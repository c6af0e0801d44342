import { readFile } from 'node:fs/promises';
import { TRACED_OPERATIONS } from 'provider-vault';
import { expect, it } from 'vitest';
import { codeBlocks, moduleOf, runModule, typeErrors } from '../support/code-blocks.ts';
import { runScript } from '../support/run-script.ts';

const guide = await readFile(
  new URL('../../docs/guides/observability.md', import.meta.url),
  'utf8',
);
const blocks = codeBlocks(guide, 'ts');
const prelude = [
  "import * as names from './test/docs/observability-names.ts';",
  'const { count, tell, vault } = names;',
].join(' ');

it('the code of the guide compiles under strict TypeScript', { timeout: 180_000 }, () => {
  expect(blocks).toHaveLength(3);
  expect(typeErrors({ 'guide.ts': moduleOf(blocks, prelude) })).toEqual([]);
});

it('the code of the guide does what it says', async () => {
  const end = `
    const { acmeMail, counted, told } = names;
    const expiresAt = new Date(0).toISOString();
    await vault.put('acme', acmeMail, { token: 'x', expiresAt });
    await vault.get('acme', acmeMail);
    await vault.require('beta', acmeMail).catch(() => {});
    await vault.fresh('acme', acmeMail).catch(() => {});
    stop();
    console.log(JSON.stringify({ counted, told }));
  `;
  const { stdout, stderr } = await runModule(moduleOf(blocks, prelude) + end, {});
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({
    counted: ['acmeMail ok', 'acmeMail ERR_SECRET_NOT_FOUND'],
    told: ['acme acmeMail'],
  });
});

it('the guide names every operation', () => {
  const [, section = ''] = guide.split('## The operations');
  const named = [...(section.split('\n## ')[0] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name);
  expect(named).toEqual(expect.arrayContaining([...TRACED_OPERATIONS]));
});

it('the example prints the spans and metrics that its README lists', async () => {
  const { code, stdout, stderr } = await runScript('examples/otel/main.ts');
  expect([code, stderr]).toEqual([0, '']);
  const spans = [...stdout.matchAll(/^ {2}name: '(provider_vault\.\w+)'/gm)];
  expect(spans.map(([, name]) => name)).toEqual([
    ...['provider_vault.wrapKey', 'provider_vault.put'],
    ...['provider_vault.get', 'provider_vault.get', 'provider_vault.get'],
  ]);
  const metrics = [...stdout.matchAll(/^ {4}name: '(provider_vault\.[\w.]+)'/gm)];
  expect(metrics.map(([, name]) => name)).toEqual([
    'provider_vault.operation.duration',
    'provider_vault.cache.lookups',
  ]);
  expect(stdout).toContain("'provider_vault.records.cached': 1");
  expect(stdout).toContain("'error.type': 'ERR_SECRET_NOT_FOUND'");
  expect(stdout).not.toMatch(/f{32}/);
});
