import { existsSync, readdirSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes THIRD-PARTY-LICENSES.txt for the packages that are bundled into dist: their licenses ask
 * that the text goes with every copy. Takes the bundler's metafiles and removes them.
 */
export async function writeBundledLicenses(dist: string): Promise<void> {
  const metafiles = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /(^|\/)metafile-\w+\.json$/.test(file),
  );
  const files = new Set<string>();
  for (const metafile of metafiles) {
    const { inputs } = JSON.parse(await readFile(join(dist, metafile), 'utf8'));
    for (const input of Object.keys(inputs)) files.add(input);
    await rm(join(dist, metafile));
  }
  const texts = await Promise.all(packageFolders([...files]).map(licenseOf));
  await writeFile(join(dist, 'THIRD-PARTY-LICENSES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

function packageFolders(files: readonly string[]): string[] {
  const folders = files.flatMap(
    (file) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [],
  );
  return [...new Set(folders)].sort();
}

async function licenseOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  const file = readdirSync(folder).find((entry) => /^licen[sc]e/i.test(entry));
  const text =
    file && existsSync(join(folder, file)) ? await readFile(join(folder, file), 'utf8') : '';
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}
