import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { codeBlocks, moduleOf, typeErrors } from '../support/code-blocks.ts';

const markdown = await readFile(new URL('../../docs/guides/postgres.md', import.meta.url), 'utf8');
const prelude = [
  "import type { PGlite } from '@electric-sql/pglite';",
  "import type { NodePgDatabase } from 'drizzle-orm/node-postgres';",
  "import { CompiledQuery, type Kysely } from 'kysely';",
  "import type { MongoClient } from 'mongodb';",
  "import type { Sql } from 'postgres';",
  'declare const [pglite, sql, mongo]: [PGlite, Sql, MongoClient];',
  'declare const kysely: Kysely<unknown>;',
  'declare const drizzle: NodePgDatabase & { $client: pg.Pool };',
  // Prisma generates its client; this is the type of the method.
  'declare const prisma: { $queryRawUnsafe<T>(query: string, ...values: unknown[]): Promise<T> };',
].join(' ');

it('the code of the guide compiles', () => {
  const blocks = codeBlocks(markdown, 'ts');
  expect(blocks).toHaveLength(7);
  const wrong = [...blocks, { code: 'store.put(1);', line: 1000 }]; // the check must see this one
  const errors = typeErrors({
    'docs/guides/postgres.ts': moduleOf(blocks, prelude),
    'docs/guides/wrong.ts': moduleOf(wrong, prelude),
  });
  expect(errors).toEqual([expect.stringContaining('wrong.ts:1000: ')]);
});
