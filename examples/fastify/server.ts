import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import {
  getTwilioClient,
  isVaultError,
  type SecretsVault,
  type TwilioClientOptions,
  twilioProvider,
} from 'provider-vault';

export interface ServerParts {
  readonly vault: SecretsVault;
  /** Who asks, from your session: never from the request's content. */
  readonly sessionOf: (request: FastifyRequest) => Session | undefined;
  readonly twilio?: NonNullable<TwilioClientOptions['client']>;
}

export interface Session {
  readonly tenantId: string;
  /** The user, for the audit trail. */
  readonly actor: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    session: Session;
  }
}

const sms = {
  type: 'object',
  required: ['to', 'body'],
  additionalProperties: false,
  properties: {
    to: { type: 'string', pattern: '^\\+[1-9]\\d{6,14}$' },
    body: { type: 'string', minLength: 1, maxLength: 1600 },
  },
} as const;

const form = {
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    Object.keys(twilioProvider.fields).map((name) => [name, { type: ['string', 'null'] }]),
  ),
} as const;

const STATUS: Readonly<Record<string, number>> = {
  ERR_INVALID_ARGUMENT: 400,
  ERR_NOT_CONFIGURED: 409,
  ERR_CONFLICT: 409,
  ERR_PROVIDER: 502,
  ERR_STORE_UNAVAILABLE: 503,
};

export function buildServer({ vault, sessionOf, twilio }: ServerParts): FastifyInstance {
  // coerceTypes off: { "to": 5 } is refused, not turned into "5".
  const server = Fastify({
    bodyLimit: 32_768,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });

  server.decorateRequest('session');
  server.addHook('onRequest', async (request, reply) => {
    const session = sessionOf(request);
    if (session === undefined) return reply.code(401).send({ error: 'LOGIN' });
    request.session = session;
    reply.header('cache-control', 'no-store');
  });

  server.setErrorHandler((error, _request, reply) => {
    const isOurs = isVaultError(error);
    const { statusCode = 500, message } = error as { statusCode?: number; message: string };
    const status = isOurs ? (STATUS[error.code] ?? 500) : statusCode;
    // Errors that only the operator can fix are not explained to the user.
    const isForUser = status < 500 || isVaultError(error, 'ERR_PROVIDER');
    reply.code(status).send({
      error: isOurs ? error.code : status < 500 ? 'BAD_REQUEST' : 'INTERNAL',
      ...(isForUser && { message }),
    });
  });

  server.get('/settings/twilio', ({ session: { tenantId, actor } }) =>
    vault.status(tenantId, 'twilio', { actor }),
  );

  server.put<{ Body: Record<string, string | null> }>(
    '/settings/twilio',
    { schema: { body: form } },
    ({ session: { tenantId, actor }, body }) =>
      vault.applyForm(tenantId, 'twilio', body, { actor }),
  );

  server.post<{ Body: { to: string; body: string } }>(
    '/sms',
    { schema: { body: sms } },
    async ({ session, body: { to, body } }, reply) => {
      const { tenantId, actor } = session;
      const client = await getTwilioClient(vault, {
        ...session,
        ...(twilio && { client: twilio }),
      });
      const from = (await vault.require(tenantId, 'twilio', { actor })).phoneNumber ?? '';
      const { sid, status } = await client.messages.create({ from, to, body });
      return reply.code(201).send({ sid, status });
    },
  );

  return server;
}
