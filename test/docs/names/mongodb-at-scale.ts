export { MongoClient } from 'mongodb';
export * from './common.ts';

export declare const uri: string;
