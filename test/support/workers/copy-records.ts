import { once } from 'node:events';
import { copyRecords } from 'provider-vault';
import { connectStore } from '../connect-store.ts';

// Copies a database of MongoDB into PostgreSQL, from the end of its input until it is done or killed:
// URI, database, URI of the target.
const [uri = '', database = '', targetUri = ''] = process.argv.slice(2);
const source = await connectStore(uri, database);
const target = await connectStore(targetUri, '');
console.log('ready');
await once(process.stdin.resume(), 'end');
await copyRecords(source.store, target.store, { batchSize: 5, concurrency: 2 });
await source.close();
await target.close();
