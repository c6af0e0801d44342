/// <reference path="./stripe.d.ts" />
// What the pages take for granted: a vault over a database, and the reader's own application.
import type { Express, Request, Response } from 'express';
import type { Db, MongoClient } from 'mongodb';
import type { KeyProvider, MongoAuditSink, MongoSecretStore, SecretsVault } from 'provider-vault';

export * from 'provider-vault';

export declare const vault: SecretsVault;
export declare const store: MongoSecretStore;
export declare const keys: KeyProvider;
export declare const client: MongoClient;
export declare const db: Db;
export declare const audit: MongoAuditSink;
export declare const signal: AbortSignal;
export declare const connectionString: string;

export declare const tenantId: string;
export declare const actor: string;
export declare const user: { readonly id: string };
export declare const accountSid: string;
export declare const authToken: string;
export declare const apiKey: string;
export declare const from: string;
export declare const to: string;
export declare const subject: string;
export declare const text: string;
export declare const body: string;

export declare const app: Express;
export declare const request: Request;
export declare const response: Response;
export declare const config: { readonly publicUrl: string };
export declare const inbox: { add(tenantId: string, message: unknown): Promise<void> };
export declare const sessions: {
  get(
    cookie: string | undefined,
  ): { tenantId: string; actor: string; isAdmin: boolean } | undefined;
};
export declare const log: Record<'info' | 'warn', (facts: object) => void>;
