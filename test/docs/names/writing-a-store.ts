import { MemoryKeyStore, MemorySecretStore } from 'provider-vault';

export * from './common.ts';

export declare const freshFolder: () => string;
export declare class MyStore extends MemorySecretStore {
  constructor(folder: string);
}
export declare class MyKeyStore extends MemoryKeyStore {}
