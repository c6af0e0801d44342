import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { tokens } from '../../src/settings/element/tokens.ts';
import { codeBlocks, moduleOf } from '../support/code-blocks.ts';
import { textOf } from '../support/documents.ts';
import { typeErrors } from '../support/type-errors.ts';

const markdown = textOf('docs/guides/settings-page.md');

it('the declaration for React compiles', () => {
  const tsx = codeBlocks(markdown, 'tsx');
  const imports = [
    "import type { ProviderSettings } from 'provider-vault/settings/element';",
    "import type { DetailedHTMLProps, HTMLAttributes } from 'react';",
  ].join(' ');
  const page = (page: string, attributes: string) => ({
    page,
    code: `${imports}${moduleOf(tsx)}export const page = <provider-settings ${attributes} />;`,
    isJsx: true,
  });
  const errors = typeErrors(
    [
      page('right.tsx', "src=\"/api\" headers={{ 'x-csrf-token': 'x' }}"),
      page('wrong.tsx', 'src={5}'),
    ],
    'test/pages/tsconfig.json',
  );
  expect(errors).toEqual([expect.stringContaining('wrong.tsx')]);
}, 180_000);

it('the element in HTML asks where the handler is', () => {
  const [html] = codeBlocks(markdown, 'html');
  const [, src] =
    /<provider-settings src="(.+)"><\/provider-settings>/.exec(html?.code ?? '') ?? [];
  const [, basePath] = /basePath: '(.+)'/.exec(markdown) ?? [];
  expect(src).toBe(basePath);
});

it('names the variables and parts that the element has', async () => {
  const variables = [...markdown.matchAll(/--ps-([\w-]+)/g)].map(([, name]) => name);
  const known = [...Object.keys(tokens), 'font', 'radius'];
  expect(variables.length).toBeGreaterThan(0);
  for (const name of variables) expect(known).toContain(name);
  const list = /The colours are([\s\S]*?)grounds/.exec(markdown)?.[1] ?? '';
  const colours = [...list.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name);
  const plain = Object.keys(tokens).filter((name) => !name.endsWith('-wash'));
  expect(colours.filter((name) => name !== '-wash')).toEqual(plain);

  const folder = new URL('../../src/settings/element/', import.meta.url);
  const sources = await Promise.all(
    (await readdir(folder)).map((name) => readFile(new URL(name, folder), 'utf8')),
  );
  const made = [...sources.join('').matchAll(/\bpart: '([\w ]+)'/g)].map(([, name]) => name);
  const parts = /The parts are([\s\S]*?)\n\n/.exec(markdown)?.[1] ?? '';
  const named = [...parts.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  const kinds = ['button', 'primary', 'quiet', 'link', 'danger'];
  expect(named.filter((name = '') => !kinds.includes(name)).sort()).toEqual(
    [...new Set(made)].sort(),
  );
});
