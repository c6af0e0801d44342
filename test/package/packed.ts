// What npm would publish, installed alone in an empty project: it must load in both module systems
// without any of its optional peers, and say which one is missing when that is needed.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import webpack from 'webpack';

// As npm links it, so that npx and scripts of package.json find it.
function checkCommandLine(): void {
  const { bin } = JSON.parse(readFileSync('package.json', 'utf8'));
  const binFolder = join(project, 'node_modules', '.bin');
  const command = join(binFolder, 'provider-vault');
  mkdirSync(binFolder);
  symlinkSync(join('..', 'provider-vault', bin['provider-vault']), command);
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    spawnSync(command, args, {
      cwd: project,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...env },
    });

  assert.match(run(['--help']).stdout, /^Usage: provider-vault/);
  const { key } = JSON.parse(run(['keygen', '--json']).stdout);
  const env = { APP_ENCRYPTION_KEY: key };
  const place = { ...env, PROVIDER_VAULT_STORE: 'file:./secrets.json' };
  assert.equal(run(['init'], place).status, 0);
  const file = run(['doctor', '--json'], place);
  assert.equal(file.status, 0, file.stdout + file.stderr);
  assert.ok(JSON.parse(file.stdout).checks.length > 0);
  const mongo = run(['doctor', '--json'], { ...env, MONGO_URL: 'mongodb://127.0.0.1/crm' });
  assert.equal(mongo.status, 1);
  assert.match(mongo.stdout, /npm install mongodb/);
  console.log('packed package: provider-vault runs without peers');
}

/** The declarations compile without the optional peers, also where libraries are checked. */
function checkTypes(subpaths: readonly string[]): void {
  const uses = `import { getTwilioClient } from 'provider-vault';
${subpaths.map((name) => `import '${name}';`).join('\n')}
declare const client: Awaited<ReturnType<typeof getTwilioClient>>;
console.log(client.accountSid);
// @ts-expect-error: the package twilio is not installed, and its client is not any
client.messages;
`;
  const files = ['types.mts', 'types.cts']; // as an ES module, and as CommonJS
  for (const file of files) writeFileSync(join(project, file), uses);
  const compile = [resolve('node_modules/typescript/bin/tsc'), ...files, '--ignoreConfig'];
  const types = ['--types', 'node', '--typeRoots', resolve('node_modules/@types')];
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', ...types];
  const { status, stdout } = spawnSync(process.execPath, [...compile, ...options], {
    cwd: project,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stdout);
  console.log('packed package: its types compile without peers');
}

/** Both copies of the package in one process, ESM and CommonJS, are seen by `instrument` of either. */
function checkTracing(): void {
  const use = `
    const spans = [];
    const span = { setAttributes() {}, setStatus() {}, end() {} };
    const tracer = { startSpan: (name) => { spans.push(name); return span; } };
    const vaultOf = ({ SecretsVault, MemorySecretStore, Keyring, generateKey }) => new SecretsVault({
      store: new MemorySecretStore(),
      keys: new Keyring({ encryptionKey: generateKey() }),
    });
    const run = async (own, other) => {
      const vaults = [own, other].map(vaultOf);
      if (own.SecretsVault === other.SecretsVault) throw new Error('There are not two copies.');
      const stops = vaults.map((vault) => instrument(vault, { tracer }));
      for (const vault of vaults) await vault.put('acme', 'custom', { token: 'x' });
      for (const stop of stops) stop();
      if (spans.join() !== 'provider_vault.put,provider_vault.put') throw new Error(spans.join());
    };`;
  writeFileSync(
    join(project, 'otel.mjs'),
    `import { createRequire } from 'node:module';
import * as own from 'provider-vault';
import { instrument } from 'provider-vault/otel';
${use}
await run(own, createRequire(import.meta.url)('provider-vault'));`,
  );
  writeFileSync(
    join(project, 'otel.cjs'),
    `const { instrument } = require('provider-vault/otel');
${use}
import('provider-vault').then((other) => run(require('provider-vault'), other));`,
  );
  const run = (file: string) =>
    spawnSync(process.execPath, [join(project, file)], { encoding: 'utf8', cwd: project });
  assert.match(run('otel.mjs').stderr, /@opentelemetry\/api/); // names what is missing
  const scope = join(project, 'node_modules', '@opentelemetry');
  mkdirSync(scope);
  symlinkSync(resolve('node_modules/@opentelemetry/api'), join(scope, 'api'));
  for (const file of ['otel.mjs', 'otel.cjs']) {
    const { status, stderr } = run(file);
    assert.deepEqual([status, stderr], [0, ''], file);
    console.log(`packed package: ${file} sees the vaults of both copies`);
  }
  rmSync(scope, { recursive: true });
}

/** An application that is bundled builds and runs without the peers. */
async function checkBundles(files: readonly string[]): Promise<void> {
  const compile = async (entry: string, path: string, absent: Record<string, false>) => {
    const output = { path, filename: 'main.cjs' };
    const where = {
      context: project,
      entry,
      output,
      target: 'node20',
      mode: 'production',
    } as const;
    const compiler = webpack({ ...where, resolve: { alias: absent } });
    const stats = await promisify(compiler.run.bind(compiler))();
    assert.deepEqual(stats?.compilation.errors.map(String), []);
  };
  const bundlers: Record<string, (entry: string, folder: string) => Promise<unknown>> = {
    esbuild: (entry, folder) => {
      const outfile = join(folder, 'main.cjs');
      const kind = { bundle: true, platform: 'node', logLevel: 'error' } as const;
      return build({ ...kind, entryPoints: [entry], outfile });
    },
    webpack: (entry, folder) => compile(entry, folder, {}),
    // As Next does it: with an empty module for a peer that is not installed.
    'webpack with empty peers': (entry, folder) =>
      compile(entry, folder, { twilio: false, '@sendgrid/mail': false }),
  };
  for (const [name, bundle] of Object.entries(bundlers)) {
    for (const file of files) {
      // Elsewhere, so that it cannot load the package instead of what was bundled.
      const folder = mkdtempSync(join(tmpdir(), 'bundled-'));
      try {
        await bundle(join(project, file), folder);
        const main = join(folder, 'main.cjs');
        execFileSync(process.execPath, [main], { stdio: 'inherit', cwd: folder });
      } finally {
        rmSync(folder, { recursive: true });
      }
      console.log(`packed package: ${file} bundled by ${name} runs without peers`);
    }
  }
}

/** Of the root, a bundle has what it uses; definitions of providers and stores stay away. */
async function checkShaking(): Promise<void> {
  const contents = `import { generateKey } from 'provider-vault'; console.log(generateKey());`;
  const kind = { bundle: true, platform: 'node', format: 'esm', minify: true } as const;
  const stdin = { contents, resolveDir: project };
  const { outputFiles } = await build({ ...kind, stdin, write: false, logLevel: 'error' });
  const bytes = outputFiles[0]?.contents.length ?? Number.NaN;
  assert.ok(bytes < 5_000, `${bytes} bytes for generateKey`);
  console.log(`packed package: a bundle with generateKey alone has ${bytes} bytes`);
}

const project = mkdtempSync(join(tmpdir(), 'packed-'));
try {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', project]);
  const [tarball = ''] = readdirSync(project);
  const target = join(project, 'node_modules', 'provider-vault');
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', join(project, tarball), '-C', target, '--strip-components=1']);
  const published = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
  for (const member of ['devDependencies', 'overrides', 'scripts', 'config']) {
    assert.ok(!(member in published), `${member} concern only this repository`);
  }

  const use = `
    const file = FILE;
    const vault = new pv.SecretsVault({
      store: new pv.MemorySecretStore(),
      keys: new pv.Keyring({ encryptionKey: pv.generateKey() }),
    });
    const sid = 'AC' + '0'.repeat(32);
    vault.put('acme', 'twilio', { accountSid: sid, authToken: 'x' })
      .then(() => pv.getTwilioClient(vault, { tenantId: 'acme' }))
      .then(() => { throw new Error('a client without the SDK?') }, (error) => {
        if (!pv.isVaultError(error, 'ERR_PEER_MISSING')) throw error;
      })
      .then(() => new pv.FileSecretStore('store-of-' + file).put({ tenantId: 'a', provider: 'b', data: '' }, null))
      .then((written) => { if (!written) throw new Error('the file store did not write'); });
  `;
  // Those that CommonJS has, too; the element is for browsers.
  const subpaths = Object.entries<{ require?: object }>(published.exports)
    .filter(([path, { require }]) => path !== '.' && require)
    .map(([path]) => path.replace('.', 'provider-vault'));
  // `instrument` needs its peer at once; checkTracing is about it.
  const lazy = subpaths.filter((name) => name !== 'provider-vault/otel');
  writeFileSync(
    join(project, 'esm.mjs'),
    `import * as pv from 'provider-vault';\n${lazy.map((name) => `import '${name}';`).join('\n')}\n${use.replace('FILE', '"esm"')}`,
  );
  writeFileSync(
    join(project, 'cjs.cjs'),
    `const pv = require('provider-vault');\n${lazy.map((name) => `require('${name}');`).join('\n')}\n${use.replace('FILE', '"cjs"')}`,
  );
  // The root alone: /testing is for tests, and its stand-ins need their SDK.
  const root = use.replace('FILE', '"root"');
  writeFileSync(join(project, 'root.mjs'), `import * as pv from 'provider-vault';\n${root}`);
  writeFileSync(join(project, 'root.cjs'), `const pv = require('provider-vault');\n${root}`);
  for (const file of ['esm.mjs', 'cjs.cjs']) {
    execFileSync(process.execPath, [join(project, file)], { stdio: 'inherit', cwd: project });
    console.log(`packed package: ${file} runs without peers`);
  }
  checkTracing();
  await checkBundles(['root.mjs', 'root.cjs']);
  await checkShaking();
  checkTypes(subpaths);
  checkCommandLine();
} finally {
  rmSync(project, { recursive: true });
}
