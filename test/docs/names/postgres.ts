import type { PGlite } from '@electric-sql/pglite';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { Kysely } from 'kysely';
import type { MongoClient } from 'mongodb';
import type { Pool } from 'pg';
import type { Sql } from 'postgres';

export { CompiledQuery } from 'kysely';
export * from './common.ts';

export declare const pglite: PGlite;
export declare const sql: Sql;
export declare const mongo: MongoClient;
export declare const kysely: Kysely<unknown>;
export declare const drizzle: NodePgDatabase & { $client: Pool };
/** Prisma generates its client; this is the type of the method. */
export declare const prisma: {
  $queryRawUnsafe<T>(query: string, ...values: unknown[]): Promise<T>;
};
