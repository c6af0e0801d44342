// What the examples in doc comments take for granted, beside what pages do.
import type { googleMail } from 'provider-vault/oauth';

export { readFile } from 'node:fs/promises';
export { Pool } from 'pg';
export * from 'provider-vault/kms';
export * from 'provider-vault/mail';
export * from 'provider-vault/oauth';
export * from 'provider-vault/otel';
export * from 'provider-vault/postgres';
export * from 'provider-vault/settings';
export * from 'provider-vault/testing';
export { stripe } from './clients.ts';
export * from './common.ts';
export { sessionOf } from './settings-page.ts';
export { freshFolder, MyKeyStore, MyStore } from './writing-a-store.ts';

export declare const google: ReturnType<typeof googleMail>;
