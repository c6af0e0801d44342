import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import postgres from 'postgres';
import { PostgresKeyStore, type PostgresQuery, PostgresSecretStore } from 'provider-vault/postgres';
import { describeKeyStore, describeSecretStore } from 'provider-vault/testing';
import { afterAll, describe, it } from 'vitest';
import {
  type PostgresFunctions,
  pgFunctions,
  pgliteFunctions,
  postgresJsFunctions,
} from '../support/postgres.ts';
import { noPostgres, startPostgres } from '../support/postgres-server.ts';

let tables = 0;

function describeStores(
  name: string,
  { query, listen }: PostgresFunctions,
  unreachable: PostgresQuery,
) {
  let table = '';
  describeSecretStore(
    { describe, it },
    {
      name: `PostgresSecretStore on ${name}`,
      open: async () => {
        table = `Secrets_${++tables}`;
        const store = new PostgresSecretStore(query, { table, listen });
        await store.init();
        return store;
      },
      reopen: () => new PostgresSecretStore(query, { table, listen }),
      readRaw: async ({ tenantId, provider }) => {
        const row = `SELECT * FROM "${table}" WHERE tenant_id = $1 AND provider = $2`;
        return (await query(row, [tenantId, provider])).rows[0];
      },
      unreachable: () => new PostgresSecretStore(unreachable),
    },
  );
  describeKeyStore(
    { describe, it },
    {
      name: `PostgresKeyStore on ${name}`,
      open: async () => {
        table = `keys_${++tables}`;
        const store = new PostgresKeyStore(query, { table });
        await store.init();
        return store;
      },
      reopen: () => new PostgresKeyStore(query, { table }),
      unreachable: () => new PostgresKeyStore(unreachable),
    },
  );
}

const lite = await PGlite.create();
const closed = await PGlite.create();
await closed.close();
afterAll(() => lite.close());
describeStores('PGlite', pgliteFunctions(lite), pgliteFunctions(closed).query);

describe.skipIf(noPostgres)(`a server (${noPostgres ?? 'found'})`, async () => {
  if (noPostgres) return;
  const server = await startPostgres();
  const pool = new pg.Pool({ connectionString: server.uri, max: 20 });
  const nowhere = new pg.Pool({ connectionString: 'postgresql://x@127.0.0.1:1/x' });
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });
  const sql = postgres(server.uri, { max: 10, onnotice: () => {} });
  afterAll(() => sql.end());
  describeStores('postgres.js', postgresJsFunctions(sql), (text, values) =>
    nowhere.query(text, values),
  );
  describeStores('pg', pgFunctions(pool, server.uri), (text, values) =>
    nowhere.query(text, values),
  );
});
