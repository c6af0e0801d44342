import { TRACED_OPERATIONS } from 'provider-vault';
import { expect, it } from 'vitest';
import { codeBlocks, moduleOf } from '../support/code-blocks.ts';
import { textOf } from '../support/documents.ts';
import { runModule } from '../support/run-module.ts';
import { runScript } from '../support/run-script.ts';

const guide = textOf('docs/guides/observability.md');

it('the code of the guide does what it says', async () => {
  const code = moduleOf(codeBlocks(guide, 'ts'));
  const end = `
    const expiresAt = new Date(0).toISOString();
    await vault.put('acme', acmeMail, { token: 'x', expiresAt });
    await vault.get('acme', acmeMail);
    await vault.require('beta', acmeMail).catch(() => {});
    await vault.fresh('acme', acmeMail).catch(() => {});
    stop();
    console.log(JSON.stringify({ counted, told }));
  `;
  const { stdout, stderr } = await runModule(code + end, 'test/docs/names/observability.ts', {});
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
