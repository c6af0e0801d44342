// What a mongo shell has.
import type { Collection } from 'mongodb';

export declare function ObjectId(id: string): object;

export declare const db: Readonly<Record<'secrets' | 'secrets_restored' | 'settings', Collection>>;
export declare const sh: {
  shardCollection(collection: string, key: object, isUnique?: boolean): void;
};
