import { expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { createProgram } from '../../src/cli/program.ts';
import { codeBlocks } from '../support/code-blocks.ts';
import { textOf } from '../support/documents.ts';

// test/cli/runbooks.test.ts runs the examples.
const page = textOf('docs/reference/cli-json.md');

it('has an example of every command', () => {
  const shown = codeBlocks(page, 'console').flatMap(({ code }) => [
    ...code.matchAll(/^\$ npx provider-vault (\S+) .*--json/gm),
  ]);
  const commands = createProgram(() => {}).commands.map((command) => command.name());
  expect([...new Set(shown.map(([, name]) => name))].sort()).toEqual(commands.sort());
});

it('lists every exit code', () => {
  const listed = [...page.matchAll(/^\| (\d+) /gm)].map(([, code]) => Number(code));
  expect(listed).toEqual(Object.values(EXIT));
});
