export { MongoSecretStore, type MongoSecretStoreOptions } from './stores/mongo-store.ts';
export type {
  MongoCollection,
  MongoCursor,
  MongoDatabase,
  MongoSource,
  MongoTarget,
} from './stores/mongo-types.ts';
