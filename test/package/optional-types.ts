// A step of the build, after the declarations are made. They name types of optional peers: where a peer
// is not installed, the import is an error (TS2307), which a comment suppresses. In the sources the
// comment would be of no use: what bundles declarations drops it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const peers = Object.keys(peerDependencies).join('|');
const imports = new RegExp(`^import (?:[^;]*from )?'(?:${peers})';$`, 'gm');
for (const name of readdirSync('dist').filter((file) => /\.d\.c?ts$/.test(file))) {
  const file = join('dist', name);
  const text = readFileSync(file, 'utf8');
  const suppressed = text.replace(imports, '// @ts-ignore: an optional peer\n$&');
  if (suppressed !== text) writeFileSync(file, suppressed);
}
