export { PostgresKeyStore } from './key-store.ts';
export type { PostgresListen, PostgresQuery } from './run.ts';
export { PostgresSecretStore, type PostgresSecretStoreOptions } from './store.ts';
export type { PostgresTableOptions } from './table.ts';
