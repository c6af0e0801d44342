import { doubleCsrf } from 'csrf-csrf';
import type { RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit, type ValueDeterminingMiddleware } from 'express-rate-limit';
import helmet from 'helmet';
import type { CrmConfig } from '../config.ts';
import { HttpError } from './http-error.ts';
import { objectOf } from './input.ts';
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

const tooMany: RequestHandler = (_request, _response, next) =>
  next(new HttpError(429, 'TOO_MANY', 'Too many attempts. Try again later.'));

const MINUTE_MS = 60_000;
const addressOf: ValueDeterminingMiddleware<string> = ({ ip = '' }) => ipKeyGenerator(ip);

/** At most `perMinute` requests of one tenant. */
export function limitTenant(perMinute: number): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit: perMinute,
    keyGenerator: (_request, response) => sessionOf(response).tenantId,
    handler: tooMany,
  });
}

/** At most 120 refused requests of one address in a minute. What is genuine does not count. */
export function limitRefused(): RequestHandler {
  return rateLimit({
    windowMs: MINUTE_MS,
    limit: 120,
    skipSuccessfulRequests: true,
    keyGenerator: addressOf,
    handler: tooMany,
  });
}

/** Failed logins: at most 20 of one address in a minute, and 10 for one account in a quarter of an hour. */
export function limitLogins(): RequestHandler[] {
  const failures = { skipSuccessfulRequests: true, handler: tooMany };
  return [
    rateLimit({ ...failures, windowMs: MINUTE_MS, limit: 20, keyGenerator: addressOf }),
    rateLimit({
      ...failures,
      windowMs: 15 * MINUTE_MS,
      limit: 10,
      keyGenerator: ({ body }) => accountOf(objectOf(body).email),
    }),
  ];
}

/** The e-mail address as the login reads it. The login refuses anything but a string. */
function accountOf(email: unknown): string {
  return typeof email === 'string' ? email.trim().toLowerCase().slice(0, 200) : '';
}
