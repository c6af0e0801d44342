import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { Keyring } from 'provider-vault';
import { createApp } from './app.ts';
import { configFromEnv } from './config.ts';
import { startUpkeep } from './upkeep.ts';
import { openVault } from './vault.ts';

// MONGO_URL, PUBLIC_URL, CSRF_SECRET and APP_ENCRYPTION_KEY are needed; see README.md.
const log = pino();
const config = configFromEnv(process.env);
const mongo = await MongoClient.connect(process.env.MONGO_URL ?? 'mongodb://127.0.0.1/crm');
const db = mongo.db(); // the one named in MONGO_URL
const { vault, audit } = await openVault(db, Keyring.fromEnv(), config.mailboxes);
const app = await createApp({ db, vault, audit, config, log });
const stopUpkeep = startUpkeep({ db, vault, log });
const server = app.listen(Number(process.env.PORT ?? 3000), () => log.info('listening'));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(async () => {
      await stopUpkeep();
      await audit.close(); // writes what waits
      await mongo.close();
    });
    server.closeIdleConnections();
  });
}
