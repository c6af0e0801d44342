export type { AuditQuery } from './audit/audit-query.ts';
export { MongoAuditSink, type MongoAuditSinkOptions } from './audit/mongo-audit-sink.ts';
export { MongoSecretStore, type MongoSecretStoreOptions } from './stores/mongo-store.ts';
export type {
  MongoChangeStream,
  MongoCollection,
  MongoCursor,
  MongoDatabase,
  MongoSource,
  MongoTarget,
} from './stores/mongo-types.ts';
