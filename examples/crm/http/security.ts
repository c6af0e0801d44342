import { doubleCsrf } from 'csrf-csrf';
import type { RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import type { CrmConfig } from '../config.ts';
import { HttpError } from './http-error.ts';
import { type Sessions, sessionOf } from './sessions.ts';

/** Headers: nothing but our own scripts, styles and requests; no frames; no referrer. */
export function securityHeaders({ publicUrl }: CrmConfig): RequestHandler {
  const https = publicUrl.startsWith('https:');
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        formAction: ["'none'"], // forms are sent by script, as JSON
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        requireTrustedTypesFor: ["'script'"], // innerHTML and its like throw
        trustedTypes: ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: https,
  });
}

/** Answers with data of a tenant stay out of every cache. */
export const noStore: RequestHandler = (_request, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
};

/** CSRF tokens, bound to the session; a page sends its token in the header `x-csrf-token`. */
export function csrf({ csrfSecret, publicUrl }: CrmConfig, sessions: Sessions) {
  const secure = publicUrl.startsWith('https:');
  return doubleCsrf({
    getSecret: () => csrfSecret,
    getSessionIdentifier: (request) => sessions.idOf(request) || 'nobody',
    cookieName: secure ? '__Host-crm-csrf' : 'crm-csrf',
    cookieOptions: sessions.cookieOptions,
    getCsrfTokenFromRequest: (request) => request.get('x-csrf-token'),
  });
}

const tooMany = (_request: unknown, _response: unknown, next: (error: Error) => void) =>
  next(new HttpError(429, 'TOO_MANY', 'Too many attempts. Wait a minute.'));

/** At most `perMinute` requests of one tenant. */
export function limitTenant(perMinute: number): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    keyGenerator: (_request, response) => sessionOf(response).tenantId,
    handler: (request, response, next) => tooMany(request, response, next),
  });
}

/** At most `perMinute` requests of one address, for what needs no session. */
export function limitAddress(perMinute: number): RequestHandler {
  return rateLimit({
    windowMs: 60_000,
    limit: perMinute,
    keyGenerator: (request) => ipKeyGenerator(request.ip ?? ''),
    handler: (request, response, next) => tooMany(request, response, next),
  });
}
