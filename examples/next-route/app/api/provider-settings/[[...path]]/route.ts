import { sendgridProvider, twilioProvider } from 'provider-vault';
import { createSettingsHandler } from 'provider-vault/settings';
import { isSameOrigin, sessionOf } from '../../../../lib/session.ts';
import { getVault } from '../../../../lib/vault.ts';

// A route handler of Next's App Router: the backend of <provider-settings src="/api/provider-settings">.

export const runtime = 'nodejs'; // not "edge": node:crypto and MongoDB's driver need Node
export const dynamic = 'force-dynamic'; // never cached, never prerendered

// Made once: it counts the tests and saves of each tenant.
let made: ((request: Request) => Promise<Response>) | undefined;

async function handle(request: Request): Promise<Response> {
  if (request.method !== 'GET' && !isSameOrigin(request)) {
    const error = { code: 'CSRF', message: 'Load the page again.' };
    return Response.json({ error }, { status: 403 });
  }
  const vault = await getVault();
  made ??= createSettingsHandler({
    vault,
    providers: [twilioProvider, sendgridProvider],
    basePath: '/api/provider-settings',
    identify: (from) => {
      const session = sessionOf(from);
      return session && { ...session, may: { read: true, write: true, test: true, remove: true } };
    },
  });
  return made(request);
}

export { handle as DELETE, handle as GET, handle as PATCH, handle as POST };
