import type { Keyring, KeyStore, KeyWrapper } from 'provider-vault';

export * from './common.ts';

export declare const wrapper: KeyWrapper;
export declare const newWrapper: KeyWrapper;
export declare const keyStore: KeyStore;
export declare const keyring: Keyring;
export declare const deployedAt: Date;
