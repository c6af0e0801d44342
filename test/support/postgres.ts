import type { PGlite } from '@electric-sql/pglite';
import type pg from 'pg';
import type { Sql } from 'postgres';
import type { PostgresListen, PostgresQuery } from 'provider-vault/postgres';
import { listenWith } from '../../examples/postgres/listen.ts';

/** The functions that a store needs. */
export interface PostgresFunctions {
  readonly query: PostgresQuery;
  readonly listen: PostgresListen;
}

export function pgliteFunctions(db: PGlite): PostgresFunctions {
  return {
    query: (text, values) => db.query<object>(text, values),
    listen: (channel, onMessage) => db.listen(channel, onMessage),
  };
}

export function pgFunctions(pool: pg.Pool, uri: string): PostgresFunctions {
  pool.on('error', () => {}); // idle connections of a server that is gone
  return { query: (text, values) => pool.query(text, values), listen: listenWith(uri) };
}

export function postgresJsFunctions(sql: Sql): PostgresFunctions {
  return {
    query: async (text, values) => ({ rows: await sql.unsafe(text, values) }),
    listen: async (channel, onMessage, onGap) => {
      let connections = 0;
      const count = () => ++connections > 1 && onGap();
      return (await sql.listen(channel, onMessage, count)).unlisten;
    },
  };
}
