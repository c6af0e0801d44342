import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { Keyring } from 'provider-vault';
import { createApp } from './app.ts';
import { configFromEnv } from './config.ts';
import { close, listen } from './http/listen.ts';
import { startUpkeep } from './upkeep.ts';
import { openVault } from './vault.ts';

// PUBLIC_URL, CSRF_SECRET and APP_ENCRYPTION_KEY are needed; see README.md.
try {
  await start();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function start(): Promise<void> {
  const log = pino();
  const config = configFromEnv(process.env);
  const keys = Keyring.fromEnv();
  const mongo = await MongoClient.connect(config.mongoUrl);
  const db = mongo.db(); // the one named in MONGO_URL
  const { vault, audit } = await openVault(db, keys, config);
  const app = await createApp({ db, vault, audit, config, log });
  const server = await listen(config.port, config.host);
  server.on('request', app);
  const stopUpkeep = startUpkeep({ db, vault, log });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await close(server);
      await stopUpkeep();
      await audit.close(); // writes what waits
      await mongo.close();
    });
  }
  log.info({ address: server.address() }, 'listening');
}
