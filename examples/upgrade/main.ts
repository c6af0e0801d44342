// npx tsx examples/upgrade/main.ts
import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { startMongo } from '../mongo-server/mongo-server.ts';
import { upgrade } from './upgrade.ts';

const mongo = await startMongo();
const client = await MongoClient.connect(mongo.uri);
const db = client.db(`provider_vault_upgrade_${randomBytes(6).toString('hex')}`);
try {
  await upgrade(db, console.log);
} finally {
  await db.dropDatabase();
  await client.close();
  await mongo.stop();
}
