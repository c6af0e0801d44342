import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'tsup';
import { expect, it } from 'vitest';
import { cacheFolder } from '../../../examples/mongo-server/cache-folder.ts';
import { peerContent, peerError } from '../../../src/clients/load-peer.ts';

const failed = (code: string, message: string) => Object.assign(new Error(message), { code });

it.each<[string, Error]>([
  [
    'an import',
    failed('ERR_MODULE_NOT_FOUND', "Cannot find package 'twilio' imported from /app/x.js"),
  ],
  ['a require', failed('MODULE_NOT_FOUND', "Cannot find module 'twilio'\nRequire stack:\n- /x.js")],
])('says that a package is missing: %s', (_what, error) => {
  expect(peerError('twilio', error)).toMatchObject({
    code: 'ERR_PEER_MISSING',
    message: expect.stringContaining('npm install twilio'),
    cause: error,
  });
});

it.each<[string, unknown]>([
  ['a dependency of it', failed('MODULE_NOT_FOUND', "Cannot find module 'axios'")],
  [
    'a dependency, required by it',
    failed('MODULE_NOT_FOUND', "Cannot find module 'qs'\nRequire stack:\n- 'twilio'"),
  ],
  ['a part of it', failed('ERR_MODULE_NOT_FOUND', "Cannot find module '/x/twilio/lib/index.js'")],
  ['a syntax error', new SyntaxError("Unexpected token in 'twilio'")],
  ['a test runner', failed('ERR_VM_DYNAMIC_IMPORT_CALLBACK_MISSING_FLAG', "'twilio'")],
  ['anything thrown', 'twilio'],
  ['nothing', undefined],
])('leaves another failure as it is: %s', (_what, error) => {
  expect(peerError('twilio', error)).toBe(error);
});

it('says that a package is missing where a bundler left an empty module in its place', () => {
  expect(() => peerContent('twilio', {})).toThrow(
    expect.objectContaining({ code: 'ERR_PEER_MISSING' }),
  );
  const sdk = Object.assign(() => {}, { Twilio: class {} });
  expect(peerContent('twilio', sdk)).toBe(sdk);
});

/** Bundles as if neither SDK was installed. */
async function bundle(entry: Record<string, string>): Promise<string> {
  const outDir = await mkdtemp(join(await cacheFolder(), 'bundle-'));
  await build({
    config: false,
    silent: true,
    entry,
    outDir,
    format: 'esm',
    target: 'node20',
    noExternal: [/.*/],
    esbuildOptions: (options) => {
      options.alias = { twilio: 'twilio-is-absent', '@sendgrid/mail': 'sendgrid-is-absent' };
      options.logLevel = 'silent';
    },
    splitting: false,
  });
  return outDir;
}

it('can be bundled where the packages are not installed', async () => {
  const outDir = await bundle({ twilio: 'src/twilio/index.ts', sendgrid: 'src/sendgrid/index.ts' });
  const code = (name: string) => readFile(join(outDir, `${name}.js`), 'utf8');
  expect(await code('twilio')).toContain('import("twilio")');
  expect(await code('sendgrid')).toContain('import("@sendgrid/mail")');

  const outsideTry = join(outDir, 'outside-try.ts');
  await writeFile(outsideTry, "export const load = () => import('twilio');");
  await expect(bundle({ control: outsideTry })).rejects.toThrow(/twilio-is-absent|Build failed/);
});
