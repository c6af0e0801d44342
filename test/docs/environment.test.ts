import * as library from 'provider-vault';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { examples, sources, textOf } from '../support/documents.ts';

const page = textOf('docs/reference/environment.md');
const VARIABLE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;

/** Texts that look like the name of a variable, and are codes. */
const CODES = [
  ...['AUDIT_SINK_FAILED', 'BAD_REQUEST', 'EAI_AGAIN', 'MODULE_NOT_FOUND', 'NOT_FOUND'],
  ...['OTHER_ACCOUNT', 'TOO_LARGE', 'TOO_MANY', 'TWILIO_SECRET'],
];

/** Names of variables in a source: members of `env`, and texts that look like one; ends of names too. */
function variablesIn(path: string): { names: string[]; ends: string[] } {
  const source = ts.createSourceFile(path, textOf(path), ts.ScriptTarget.Latest);
  const names: string[] = [];
  const ends: string[] = [];
  const isEnvironment = (node: ts.Node | undefined) =>
    node !== undefined && /(^|\.)env$/.test(node.getText(source));
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && isEnvironment(node.expression)) {
      names.push(node.name.text);
    } else if (ts.isVariableDeclaration(node) && isEnvironment(node.initializer)) {
      if (ts.isObjectBindingPattern(node.name)) {
        for (const { name, propertyName = name } of node.name.elements) {
          if (ts.isIdentifier(propertyName)) names.push(propertyName.text);
        }
      }
    } else if (ts.isCallExpression(node) && node.arguments.some(isEnvironment)) {
      names.push(...node.arguments.filter(ts.isStringLiteral).map(({ text }) => text));
    } else if (ts.isStringLiteral(node) && node.text.includes('_')) {
      if (!node.text.startsWith('ERR_') && !CODES.includes(node.text)) names.push(node.text);
    } else if (ts.isTemplateExpression(node)) {
      const end = node.templateSpans.at(-1)?.literal.text ?? '';
      if (/^_[A-Z_]+$/.test(end)) ends.push(end);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { names: names.filter((name) => VARIABLE.test(name)), ends };
}

it('names every variable that is read, and no other', { timeout: 180_000 }, () => {
  const found = [...sources, ...examples].map(variablesIn);
  const names = new Set(found.flatMap(({ names }) => names));
  const ends = new Set(found.flatMap(({ ends }) => ends));
  const rows = [...page.matchAll(/^\| (`.*?) +\|/gm)].map(([, cell = '']) => cell);
  const listed = new Set(rows.flatMap((cell) => cell.replaceAll('`', '').split(', ')));
  const isKnown = (name: string) =>
    listed.has(name) || [...ends].some((end) => listed.has(name + end));
  expect([...names].filter((name) => !isKnown(name))).toEqual([]);
  const unread = [...listed].filter((name) => !names.has(name));
  expect(unread.filter((name) => ![...ends].some((end) => name.endsWith(end)))).toEqual([]);
  for (const end of ends)
    expect(
      [...listed].some((name) => name.endsWith(end)),
      end,
    ).toBe(true);
  expect([...ends].sort()).toEqual(['_CLIENT_ID', '_CLIENT_SECRET', '_FILE']);
});

it('says of each credential which field it is, and whether it triggers the override', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` +\| `(\w+\.\w+)` +\| (yes)? +\|$/gm)];
  const listed = rows.map(([, name, field, triggers]) => [name, field, triggers === 'yes']);
  const definitions = Object.values(library).filter((value) => 'complete' in Object(value));
  const known = (definitions as unknown as library.ProviderDefinition[]).flatMap(
    ({ name, fields, complete }) =>
      Object.entries(fields).flatMap(([field, { env }]) =>
        env === undefined ? [] : [[env, `${name}.${field}`, complete.flat().includes(field)]],
      ),
  );
  expect(known.length).toBeGreaterThan(10);
  expect(new Set(listed.map(String))).toEqual(new Set(known.map(String)));
});
