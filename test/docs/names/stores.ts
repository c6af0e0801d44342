import type { Pool } from 'pg';

export * from './common.ts';

export declare const pool: Pool;
