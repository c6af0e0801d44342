// npm run build && npm run bench -- [--only walks,vault] [--records 10000,1000000] [--source ../other-checkout] [--json]
//
// What the library costs: to read, to load, and to run. Everything that depends on the machine is
// compared with a hand-written way in the same run, so that two checkouts can be compared by ratios.
import { randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type Db, MongoClient } from 'mongodb';
import { type Bundle, bundle } from './bundle.ts';
import { codec, peers } from './codec.ts';
import { growth } from './growth.ts';
import { memory } from './memory.ts';
import { migration } from './migration.ts';
import { rotation } from './rotation.ts';
import type { Library } from './sample.ts';
import { benchServer } from './server.ts';
import { importTime, size } from './size.ts';
import { sources } from './source.ts';
import { formatTable, type Table } from './table.ts';
import { tracing } from './tracing.ts';
import { vault } from './vault.ts';
import { walks } from './walks.ts';

const { values } = parseArgs({
  options: {
    /** Subjects to measure, with commas; all by default. */
    only: { type: 'string' },
    /** Folder of the checkout to measure; this one by default. */
    source: { type: 'string', default: '.' },
    /** Numbers of records for `growth`. A million takes a quarter of an hour. */
    records: { type: 'string', default: '10000,100000' },
    /** Prints one JSON document. */
    json: { type: 'boolean', default: false },
  },
});
const source = resolve(values.source);
const sizes = values.records.split(',').map(Number);
let built: Promise<Bundle> | undefined;
let server: string | undefined;

const subjects: Record<string, () => Table | Promise<Table>> = {
  source: () => sources(source),
  walks: () => walks(source),
  size: async () => size(source, await root()),
  import: async () => importTime(await root()),
  codec: async () => codec(await library()),
  tracing: async () => tracing(await library()),
  memory: async () => memory(await library()),
  peers: async () => peers(await library()),
  vault: () => onDatabase(async (db, uri) => vault(await library(), db, uri)),
  rotation: () => onDatabase(async (db) => rotation(await library(), db)),
  migration: () => onDatabase(async (db) => migration(await library(), db)),
  growth: () => onDatabase(async (db) => growth(await library(), db, sizes)),
};

function root(): Promise<Bundle> {
  built ??= bundle(source, 'index', 'dist/index.js'); // what is published: `npm run build` makes it
  return built;
}

async function library(): Promise<Library> {
  return import(pathToFileURL((await root()).file).href);
}

async function onDatabase(measure: (db: Db, uri: string) => Promise<Table>): Promise<Table> {
  const started = await benchServer();
  const client = await MongoClient.connect(started.uri);
  const db = client.db(`bench_${randomUUID().replaceAll('-', '')}`);
  try {
    const { version } = await db.admin().buildInfo();
    server = `${started.describe}; it answers as MongoDB ${version}`;
    return await measure(db, started.uri);
  } finally {
    await db.dropDatabase();
    await client.close();
    await started.stop();
  }
}

const selected = values.only?.split(',') ?? Object.keys(subjects);
const unknown = selected.filter((name) => !Object.hasOwn(subjects, name));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown}. There are ${Object.keys(subjects).join(', ')}.`);
  process.exit(2);
}
// A run that ends early must say so: an await that never settles ends Node without a word.
let finished = false;
process.once('exit', () => {
  if (!finished) console.error('The benchmark ended early.');
});
process.once('SIGTERM', () => process.exit(143)); // "exit" also ends the server
process.once('SIGINT', () => process.exit(130));

const machine = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`;
if (!values.json) console.log(`${source}\n${machine}`);
const tables: Record<string, Table> = {};
let said: string | undefined;
for (const name of selected) {
  const table = await (subjects[name] as () => Table | Promise<Table>)();
  tables[name] = table;
  if (values.json) continue;
  if (server !== said) console.log(`\nDatabase server: ${server}`);
  said = server;
  console.log(`\n${name}\n${formatTable(table)}`);
}
if (values.json) console.log(JSON.stringify({ source, machine, server, tables }, undefined, 2));
finished = true;
