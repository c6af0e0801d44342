import { type RequestHandler, Router } from 'express';
import type { Users } from '../data/users.ts';
import { HttpError } from '../http/http-error.ts';
import { exactTextOf, textOf } from '../http/input.ts';
import { limitLogins } from '../http/security.ts';
import type { Session, Sessions } from '../http/sessions.ts';

type CsrfToken = (
  request: Parameters<RequestHandler>[0],
  response: Parameters<RequestHandler>[1],
  options?: { overwrite: boolean },
) => string;

/** Who is logged in, login and logout. Each answer carries the CSRF token for what follows. */
export function sessionRoutes(users: Users, sessions: Sessions, csrfToken: CsrfToken): Router {
  const router = Router();

  router.get('/', (request, response) => {
    response.json({
      user: shown(response.locals.session),
      csrfToken: csrfToken(request, response),
    });
  });

  router.post('/', ...limitLogins(), async (request, response) => {
    const email = textOf(request.body, 'email');
    const user = await users.authenticate(email, exactTextOf(request.body, 'password'));
    // One message for both mistakes: it does not tell which addresses exist.
    if (!user) throw new HttpError(401, 'LOGIN', 'E-mail or password is wrong.');
    await sessions.start(request, response, user);
    const token = csrfToken(request, response, { overwrite: true });
    response.json({ user: shown(user), csrfToken: token });
  });

  router.delete('/', async (request, response) => {
    await sessions.end(request, response);
    const token = csrfToken(request, response, { overwrite: true });
    response.json({ user: null, csrfToken: token });
  });

  return router;
}

function shown(session: Session | undefined) {
  if (session === undefined) return null;
  const { email, name, tenantId, role } = session;
  return { email, name, tenantId, role };
}
