import type { FastifyInstance } from 'fastify';
import type { NodeRequest } from 'provider-vault/settings';

export { Hono } from 'hono';
export * from './common.ts';

interface Session {
  readonly tenantId: string;
  readonly user: string;
  readonly role: string;
}
export type WithSession = NodeRequest & { session?: Session };
export declare function sessionOf(request: Request): Promise<Session | undefined>;
export declare function sendText(): Promise<void>;
export declare const fastify: FastifyInstance;
export declare const user: string;
export declare const etag: string | null;
export declare const fields: Record<string, string | null>;
export declare const twilio_account_sid: string;
export declare const twilio_auth_token: string;
export declare const my_own_key: string;
