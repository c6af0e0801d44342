import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { PostgresListen } from 'provider-vault/postgres';

/**
 * The option `listen` of a `PostgresSecretStore`, with pg. Each listener has a connection of its own;
 * when that is lost, the vault does without its cache until there is another one.
 */
export function listenWith(uri: string): PostgresListen {
  return async (channel, onMessage, onGap) => {
    let stopped = false;
    const connect = async (): Promise<pg.Client> => {
      const client = new pg.Client({ connectionString: uri, keepAlive: true });
      client.on('error', () => {}); // "end" follows
      client.on('notification', ({ payload = '' }) => onMessage(payload));
      try {
        await client.connect();
        await client.query(`LISTEN ${channel}`);
      } catch (error) {
        await client.end().catch(() => {});
        throw error;
      }
      client.on('end', () => {
        if (!stopped) onGap(reconnect());
      });
      return client;
    };
    const reconnect = async () => {
      while (!stopped) {
        await sleep(500, undefined, { ref: false });
        const next = await connect().catch(() => undefined);
        if (next === undefined) continue;
        current = next;
        if (stopped) await next.end();
        return;
      }
    };
    let current = await connect();
    return async () => {
      stopped = true;
      await current.end();
    };
  };
}
