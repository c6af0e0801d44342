import { existsSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { root, textOf } from '../support/documents.ts';

const page = textOf('docs/architecture.md');
const picture = textOf('docs/images/architecture.svg');
const rooms = readdirSync(`${root}src`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `${name}/`);
const roomsIn = (text: string) =>
  new Set([...text.matchAll(/\b([a-z-]+\/)/g)].map(([room]) => room));

it('the walk of a credential names files that exist', () => {
  const files = [...page.matchAll(/`(src\/[\w/.-]+)`/g)].map(([, file = '']) => file);
  expect(files.length).toBeGreaterThan(20);
  expect(files.filter((file) => !existsSync(root + file))).toEqual([]);
});

it('the picture marks each step of the walk in its room', () => {
  const steps = [...page.matchAll(/^\| (\d+)\. /gm)].map(([, number = '']) => Number(number));
  const marks = [...picture.matchAll(/class="number"[^>]*>(\d+)</g)].map(([, n = '']) => Number(n));
  expect(marks.sort((a, b) => a - b)).toEqual(steps);
  expect(steps).toEqual(steps.map((_, at) => at + 1));
});

it('the picture and the table have every room', () => {
  const drawn = rooms.filter((room) => room !== 'testing/'); // which is for tests
  expect([...roomsIn(picture)]).toEqual(expect.arrayContaining(drawn));
  const [, table = ''] = page.split('| folder');
  expect([...roomsIn(table)]).toEqual(expect.arrayContaining(rooms));
});

it('pictures follow the colours of the reader, and load nothing', () => {
  for (const name of ['architecture', 'way-of-a-credential']) {
    const svg = textOf(`docs/images/${name}.svg`);
    expect(svg).toContain('@media (prefers-color-scheme: dark)');
    expect(svg.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(
      /https?:|url\((?!#)|<image|@import/,
    );
    expect(svg).toMatch(/<title/);
  }
});
