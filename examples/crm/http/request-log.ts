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
    response.on('close', () => {
      const ms = Math.round(performance.now() - started);
      const tenantId = response.locals.session?.tenantId;
      // Who went away before the answer got no status.
      const outcome = response.writableFinished
        ? { status: response.statusCode }
        : { aborted: true };
      log.info({ method, path, ...outcome, ms, tenantId });
    });
    next();
  };
}
