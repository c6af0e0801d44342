import { type MongoServer, startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { mongod } from '../../examples/mongo-server/mongod.ts';
import { fastServer } from './fast-server.ts';

/**
 * The server to measure on: the one of TEST_MONGODB_URI or a mongod, as in the tests. Where neither
 * can be had, a fast stand-in, since a slow one hides what the library costs.
 */
export async function benchServer(): Promise<MongoServer> {
  if (process.env.TEST_MONGODB_URI || (await mongod())) return startMongo();
  return (await fastServer()) ?? startMongo();
}
