export type { AuditQuery } from './audit-query.ts';
export { MongoAuditSink, type MongoAuditSinkOptions } from './audit-sink.ts';
export type { MongoProblem } from './indexes.ts';
export { MongoKeyStore, type MongoKeyStoreOptions } from './key-store.ts';
export { MongoSecretStore, type MongoSecretStoreOptions } from './store.ts';
export type {
  MongoChangeStream,
  MongoCollection,
  MongoCursor,
  MongoDatabase,
  MongoSource,
  MongoTarget,
} from './types.ts';
