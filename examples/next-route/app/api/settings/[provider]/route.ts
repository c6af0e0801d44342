import { isVaultError } from 'provider-vault';
import { isSameOrigin, type Session, sessionOf } from '../../../../lib/session.ts';
import { getVault } from '../../../../lib/vault.ts';

// A route handler of Next's App Router: GET shows masks, POST saves what a form sends back.

export const runtime = 'nodejs'; // not "edge": node:crypto and MongoDB's driver need Node
export const dynamic = 'force-dynamic'; // never cached, never prerendered

interface Context {
  readonly params: Promise<{ readonly provider: string }>;
}

const PROVIDERS = new Set(['twilio', 'sendgrid']);
const MAX_BODY = 32_768;

export function GET(request: Request, { params }: Context): Promise<Response> {
  return answer(request, async ({ tenantId, actor }) => {
    const { provider } = await params;
    if (!PROVIDERS.has(provider)) return json(404, { error: 'NOT_FOUND' });
    return json(200, await (await getVault()).status(tenantId, provider, { actor }));
  });
}

export function POST(request: Request, { params }: Context): Promise<Response> {
  return answer(request, async ({ tenantId, actor }) => {
    if (!isSameOrigin(request)) return json(403, { error: 'CSRF' });
    const { provider } = await params;
    if (!PROVIDERS.has(provider)) return json(404, { error: 'NOT_FOUND' });
    const text = await request.text();
    if (text.length > MAX_BODY) return json(413, { error: 'TOO_LARGE' });
    // A value equal to its mask stays, and so does an empty one; null removes.
    const vault = await getVault();
    return json(200, await vault.applyForm(tenantId, provider, parsed(text), { actor }));
  });
}

async function answer(
  request: Request,
  respond: (session: Session) => Promise<Response>,
): Promise<Response> {
  const session = sessionOf(request);
  if (session === undefined) return json(401, { error: 'LOGIN' });
  try {
    return await respond(session);
  } catch (error) {
    if (!isVaultError(error)) return json(500, { error: 'INTERNAL' });
    const { code, message } = error;
    if (code === 'ERR_INVALID_ARGUMENT') return json(400, { error: code, message });
    if (code === 'ERR_CONFLICT') return json(409, { error: code, message });
    return json(code === 'ERR_STORE_UNAVAILABLE' ? 503 : 500, { error: code });
  }
}

/** The form; `undefined` for malformed JSON, which the vault rejects. */
function parsed(text: string): Record<string, string | null> {
  try {
    return JSON.parse(text);
  } catch {
    return undefined as never;
  }
}

function json(status: number, body: unknown): Response {
  return Response.json(body, { status, headers: { 'cache-control': 'no-store' } });
}
