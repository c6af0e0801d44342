import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';
import { documents, generated, root, textOf } from '../support/documents.ts';

/** A document without its code, in which nothing is a link. */
const proseOf = (text: string) =>
  text.replace(/^([ ]*)```[\s\S]*?^\1```$/gm, '').replace(/(`+)[^`][\s\S]*?\1/g, '');

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(path: string): string[] {
  const text = textOf(path).replace(/^([ ]*)```[\s\S]*?^\1```$/gm, '');
  const seen = new Map<string, number>();
  return [...text.matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = '']) => {
    const words = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/<[^>]+>/g, '');
    const anchor = words
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/ /g, '-');
    const before = seen.get(anchor) ?? 0;
    seen.set(anchor, before + 1);
    return before === 0 ? anchor : `${anchor}-${before}`;
  });
}

/** Where the links and pictures of a document lead to. */
function targetsOf(path: string): string[] {
  const prose = proseOf(textOf(path));
  const links = prose.matchAll(/\]\(\s*(?:<([^>]*)>|([^)\s]+))(?:\s+"[^"]*")?\s*\)/g);
  const html = prose.matchAll(/\b(?:src|srcset|href)="([^"]*)"/g);
  const named = prose.matchAll(/^\[[^\]]+\]:\s+(\S+)/gm);
  return [...links, ...html, ...named].map(([, first, second]) => first ?? second ?? '');
}

/** Why a link leads nowhere. */
function problemOf(path: string, target: string): string | undefined {
  if (/^(https?|mailto):/.test(target)) return undefined;
  const [file = '', anchor] = decodeURI(target).split('#');
  const to = file === '' ? path : normalize(join(dirname(path), file));
  if (to.startsWith('..')) return 'leaves the project';
  if (!existsSync(root + to)) return 'does not exist';
  if (anchor === undefined) return undefined;
  if (statSync(root + to).isDirectory()) return 'a folder has no anchors';
  return anchorsOf(to).includes(anchor) ? undefined : 'has no such heading';
}

it('every link leads somewhere', () => {
  const pages = [...documents, ...generated];
  const broken = pages.flatMap((path) =>
    targetsOf(path).flatMap((target) => {
      const problem = problemOf(path, target);
      return problem === undefined ? [] : [`${path}: ${target} ${problem}`];
    }),
  );
  expect(broken).toEqual([]);
  expect(pages.flatMap(targetsOf).length).toBeGreaterThan(300);
});

it('a link that leads nowhere is found', () => {
  expect(problemOf('README.md', 'docs/nowhere.md')).toBe('does not exist');
  expect(problemOf('docs/README.md', '../CHANGELOG.md#nothing')).toBe('has no such heading');
  expect(problemOf('docs/README.md', '../../x.md')).toBe('leaves the project');
});

it('the map names every page', () => {
  const map = targetsOf('docs/README.md').map((target) => join('docs', target));
  const pages = documents.filter((path) => /^docs\/(guides|runbooks|reference)\//.test(path));
  expect(map).toEqual(expect.arrayContaining(pages));
});
