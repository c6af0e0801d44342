import { createHmac, timingSafeEqual } from 'node:crypto';

// Stands for the session library that you have (Auth.js, iron-session, …): a signed cookie.

export interface Session {
  readonly tenantId: string;
  /** The user, for the audit trail. */
  readonly actor: string;
}

/** The cookie `session`: `<session, JSON, base64url>.<signature>`. */
export function sessionCookie({ tenantId, actor }: Session): string {
  const payload = Buffer.from(JSON.stringify({ tenantId, actor })).toString('base64url');
  return `session=${payload}.${signatureOf(payload).toString('base64url')}`;
}

/** The sender of a request, from its signed session; never from its URL or content. */
export function sessionOf(request: Request): Session | undefined {
  const cookies = request.headers.get('cookie') ?? '';
  const [, payload, signature] = /(?:^|; )session=([\w-]+)\.([\w-]+)/.exec(cookies) ?? [];
  if (payload === undefined || signature === undefined) return undefined;
  const [given, expected] = [Buffer.from(signature, 'base64url'), signatureOf(payload)];
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return JSON.parse(Buffer.from(payload, 'base64url').toString());
}

/** Whether a request that changes something comes from a page of this site. */
export function isSameOrigin(request: Request): boolean {
  return request.headers.get('origin') === process.env.PUBLIC_URL;
}

function signatureOf(payload: string): Buffer {
  const secret = process.env.SESSION_SECRET ?? '';
  if (secret.length < 32) throw new Error('SESSION_SECRET must have 32 characters or more.');
  return createHmac('sha256', secret).update(payload).digest();
}
