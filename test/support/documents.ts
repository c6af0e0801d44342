import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The project's folder, with a slash at its end. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

const inFolder = (folder: string, extension: string) =>
  readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension) && !name.includes('node_modules'))
    .map((name) => `${folder}/${name}`);

/** A text of the project. @param path - relative to its folder */
export const textOf = (path: string) => readFileSync(root + path, 'utf8');

/** The documents that people write, relative to the project's folder. */
export const documents = [
  ...['README.md', 'CHANGELOG.md'],
  ...inFolder('docs', '.md').filter((path) => !path.startsWith('docs/reference/api/')),
  ...inFolder('examples', '.md'),
];

/** The pages that TypeDoc writes. */
export const generated = inFolder('docs/reference/api', '.md');

/** The code of the examples. */
export const examples = inFolder('examples', '.ts');

/** The sources of the library, whose doc comments have examples. */
export const sources = inFolder('src', '.ts');
