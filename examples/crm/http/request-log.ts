import type { RequestHandler } from 'express';
import type { Logger } from 'pino';

/**
 * One line for each request. Neither body, headers, cookies nor the query are in it: that is where
 * credentials travel.
 */
export function requestLog(log: Logger): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    const { method, path } = request;
    response.on('finish', () => {
      const ms = Math.round(performance.now() - started);
      const tenantId = response.locals.session?.tenantId;
      log.info({ method, path, status: response.statusCode, ms, tenantId });
    });
    next();
  };
}
