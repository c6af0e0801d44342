import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { transform } from 'esbuild';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { createProgram } from '../../src/cli/program.ts';
import { allBlocks, type CodeBlock, modulesOf } from '../support/code-blocks.ts';
import { documents, root, sources, textOf } from '../support/documents.ts';
import { type ShownModule, typeErrors } from '../support/type-errors.ts';

// Every block of code that people write into a document or a doc comment. Those that can be run are
// run by the tests of the guides.

/** What nothing here checks, and why. */
const ELSEWHERE: Record<string, string> = {
  console: 'test/cli/runbooks.test.ts runs the commands and compares what they print',
  tsx: 'test/docs/settings-guide.test.ts compiles it with the types of a browser',
  html: 'test/docs/settings-guide.test.ts compares it with the handler',
};
const UNCHECKED: Record<string, string> = {
  'docs/reference/record-format.md': 'the form of a document of MongoDB, in words',
};

interface Shown extends CodeBlock {
  readonly page: string;
}
const shown: Shown[] = [...documents, ...sources].flatMap((page) =>
  allBlocks(textOf(page)).map((block) => ({ ...block, page })),
);
const inLanguage = (name: string) => shown.filter(({ language }) => language === name);
const at = ({ page, line }: Shown) => `${page}:${line}`;

/** The module that has what a page takes for granted. */
function namesOf(page: string): string {
  const folder = 'test/docs/names';
  if (page.startsWith('src/')) return `${folder}/doc-comments.ts`;
  const own = `${folder}/${page === 'README.md' ? 'readme' : basename(page, '.md')}.ts`;
  return existsSync(root + own) ? own : `${folder}/common.ts`;
}

it('TypeScript and the code of mongo shells compile', { timeout: 600_000 }, () => {
  const modules: ShownModule[] = inLanguage('js').map((block) => ({
    page: block.page,
    code: modulesOf([block]).join(),
    names: 'test/docs/names/mongosh.ts',
  }));
  for (const page of new Set(inLanguage('ts').map(({ page }) => page))) {
    const blocks = inLanguage('ts').filter((block) => block.page === page);
    const isSource = page.startsWith('src/'); // each example stands for itself
    const found = isSource ? blocks.flatMap((block) => modulesOf([block])) : modulesOf(blocks);
    modules.push(...found.map((code) => ({ page, code, names: namesOf(page) })));
  }
  // The check must see these.
  const names = 'test/docs/names/common.ts';
  modules.push({ page: 'wrong.md', code: '\nawait vault.put(1, "twilio", {});', names });
  modules.push({ page: 'wrong.md', code: '\n\nunheardOf();', names });
  expect(typeErrors(modules)).toEqual([
    expect.stringContaining("wrong.md:2: Argument of type 'number'"),
    expect.stringContaining("wrong.md:3: Cannot find name 'unheardOf'"),
  ]);
  expect(inLanguage('ts').length).toBeGreaterThan(90);
});

/** Commands for a shell, without comments, one for each part of a pipe or list. */
function commandsOf(text: string): string[] {
  const lines = text
    .replaceAll('\\\n', ' ')
    .replace(/<<'(\w+)'\n[\s\S]*?^\1$/gm, '') // a file that is written down
    .split('\n');
  const parts = lines.flatMap((line) => line.replace(/(^|\s)#.*/, '').split(/[|;]|&&|\$\(|\)/));
  return parts.map((part) => part.replace(/[<>].*/, '').trim()).filter((part) => part !== '');
}

/** The arguments of `provider-vault` in a command. */
function argumentsOf(command: string): string[] | undefined {
  const [, xargs, args] =
    /^(xargs .*)?(?:\w+=\S+ )*(?:npx )?provider-vault\b(.*)$/.exec(command) ?? [];
  if (args === undefined) return undefined;
  const words = args.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return [...words.map((word) => word.replace(/^["']|["']$/g, '')), ...(xargs ? ['..'] : [])];
}

class Parsed extends Error {}

/** What the command line says to arguments before it does anything. */
async function refusal(args: readonly string[]): Promise<string | undefined> {
  const program = createProgram(() => {}).hook('preAction', () => {
    throw new Parsed();
  });
  const error: unknown = await program.parseAsync(args, { from: 'user' }).catch((error) => error);
  return error instanceof Parsed ? undefined : String(error);
}

it('the command line takes every command that is shown and not run', async () => {
  const commands = inLanguage('sh').flatMap((block) =>
    commandsOf(block.code).map((command) => ({
      where: at(block),
      command,
      args: argumentsOf(command),
    })),
  );
  const ours = commands.filter(({ args }) => args !== undefined);
  expect(ours.length).toBeGreaterThan(25);
  for (const { where, command, args = [] } of ours) {
    expect(await refusal(args), `${where}: ${command}`).toBeUndefined();
  }
  expect(await refusal(['rotate', '--no-such-option'])).toContain('unknown option');
  expect(await refusal(['rotate', '--range', 'x'])).toContain('is invalid');
  // A command that argumentsOf does not understand would not be checked.
  const others = commands.filter(({ args }) => args === undefined);
  expect(
    others.filter(
      ({ command }) => /provider-vault\s+\w/.test(command) && !/^npm install /.test(command),
    ),
  ).toEqual([]);
});

it('prose names commands and options that exist', () => {
  const program = createProgram(() => {});
  for (const page of documents) {
    for (const [span, rest = ''] of textOf(page).matchAll(
      /`(?:npx )?provider-vault ([a-z][^`|]*)`/g,
    )) {
      const [name, ...words] = rest.split(/\s+/);
      const command = program.commands.find((known: Command) => known.name() === name);
      expect(command, `${page}: ${span}`).toBeDefined();
      const known = [...(command?.options ?? []), ...program.options].map(({ long }) => long);
      for (const word of words.filter((word) => word.startsWith('--'))) {
        expect(known, `${page}: ${span}`).toContain(word);
      }
    }
  }
});

it('the scripts and files that commands name exist', async () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
  for (const page of documents) {
    for (const [, name = ''] of textOf(page).matchAll(/\bnpm run ([\w:-]+)/g)) {
      expect(Object.keys(scripts), page).toContain(name);
    }
  }
  for (const block of inLanguage('sh')) {
    for (const [, file = ''] of block.code.matchAll(/\bnpx tsx (?:--tsconfig \S+ )?([\w/.-]+)/g)) {
      expect(existsSync(root + file), `${at(block)}: ${file}`).toBe(true);
    }
    execFileSync('bash', ['-n', '-c', block.code]); // throws for what is no shell
  }
});

it('JSON, YAML and CSS can be read', async () => {
  for (const block of inLanguage('json')) JSON.parse(block.code);
  for (const block of inLanguage('yaml')) parse(block.code);
  for (const { code } of inLanguage('css')) {
    expect((await transform(code, { loader: 'css' })).warnings).toEqual([]);
  }
});

it('every other block is checked elsewhere, or listed with a reason', () => {
  const checked = ['ts', 'js', 'sh', 'json', 'yaml', 'css', ...Object.keys(ELSEWHERE)];
  const others = shown.filter(({ language }) => !checked.includes(language));
  expect(others.map(({ page }) => page)).toEqual(Object.keys(UNCHECKED));
  for (const language of ['tsx', 'html']) {
    expect(inLanguage(language).map(({ page }) => page)).toEqual(['docs/guides/settings-page.md']);
  }
});
