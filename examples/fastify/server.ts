import type { IncomingMessage } from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import {
  getTwilioClient,
  isVaultError,
  type SecretsVault,
  sendgridProvider,
  type TwilioClientOptions,
  twilioProvider,
} from 'provider-vault';
import {
  connectMessage,
  createSettingsHandler,
  nodeRequest,
  toNodeListener,
} from 'provider-vault/settings';

export interface ServerParts {
  readonly vault: SecretsVault;
  /** Who asks, from your session: never from the request's content. */
  readonly sessionOf: (request: IncomingMessage) => Session | undefined;
  /** The origin of your pages, `https://crm.example`: others may read, and change nothing. */
  readonly origin: string;
  readonly twilio?: NonNullable<TwilioClientOptions['client']>;
}

export interface Session {
  readonly tenantId: string;
  /** The user, for the audit trail. */
  readonly actor: string;
  readonly isAdmin: boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    session: Session;
  }
}

const SETTINGS = '/api/provider-settings';

const sms = {
  type: 'object',
  required: ['to', 'body'],
  additionalProperties: false,
  properties: {
    to: { type: 'string', pattern: '^\\+[1-9]\\d{6,14}$' },
    body: { type: 'string', minLength: 1, maxLength: 1600 },
  },
} as const;

export function buildServer(parts: ServerParts): FastifyInstance {
  const { vault, sessionOf, origin, twilio } = parts;
  // coerceTypes off: { "to": 5 } is refused, not turned into "5".
  const server = Fastify({
    bodyLimit: 32_768,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });

  server.decorateRequest('session');
  server.addHook('onRequest', async (request, reply) => {
    const session = sessionOf(request.raw);
    if (session === undefined) return reply.code(401).send({ error: 'LOGIN' });
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead && request.headers.origin !== origin) {
      return reply.code(403).send({ error: 'CSRF' });
    }
    request.session = session;
  });

  server.setErrorHandler((error, request, reply) => {
    const { statusCode = 500, message } = error as { statusCode?: number; message: string };
    if (isVaultError(error, 'ERR_PROVIDER')) {
      return reply.code(502).send({ error: error.code, message }); // what Twilio says to the user
    }
    const toConnect = connectMessage(error, twilioProvider, 'sms');
    if (toConnect !== undefined)
      return reply.code(409).send({ error: 'CONNECT', message: toConnect });
    // Errors that only the operator can mend are not explained to the user.
    if (statusCode < 500) return reply.code(statusCode).send({ error: 'BAD_REQUEST', message });
    request.log.error(error);
    const isDown = isVaultError(error, 'ERR_STORE_UNAVAILABLE');
    return reply.code(isDown ? 503 : 500).send({ error: 'INTERNAL' });
  });

  // The settings page: <provider-settings src="/api/provider-settings">.
  const settings = toNodeListener(
    createSettingsHandler({
      vault,
      providers: [twilioProvider, sendgridProvider],
      basePath: SETTINGS,
      identify: (request) => {
        const session = sessionOf(nodeRequest(request) as IncomingMessage);
        if (session === undefined) return null;
        const { tenantId, actor, isAdmin } = session;
        return {
          tenantId,
          actor,
          may: { read: true, write: isAdmin, test: isAdmin, remove: isAdmin },
        };
      },
      onError: (error) => server.log.error(error),
      ...(twilio && { connection: { client: twilio } }),
    }),
  );
  server.register(async (scope) => {
    // The handler reads the body itself, and no more of it than its limit.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    for (const path of [SETTINGS, `${SETTINGS}/*`]) {
      scope.all(path, (request, reply) => {
        reply.hijack();
        settings(request.raw, reply.raw);
      });
    }
  });

  server.post<{ Body: { to: string; body: string } }>(
    '/sms',
    { schema: { body: sms } },
    async ({ session: { tenantId, actor }, body: { to, body } }, reply) => {
      const client = await getTwilioClient(vault, {
        tenantId,
        actor,
        ...(twilio && { client: twilio }),
      });
      const from = (await vault.require(tenantId, 'twilio', { actor })).phoneNumber ?? '';
      const { sid, status } = await client.messages.create({ from, to, body });
      return reply.code(201).send({ sid, status });
    },
  );

  return server;
}
