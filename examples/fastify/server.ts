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
  /** Who asks, from your session: the tenant is never taken from the request's content. */
  readonly tenantOf: (request: FastifyRequest) => string | undefined;
  readonly twilio?: NonNullable<TwilioClientOptions['client']>;
}

declare module 'fastify' {
  interface FastifyRequest {
    tenantId: string;
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

export function buildServer({ vault, tenantOf, twilio }: ServerParts): FastifyInstance {
  // coerceTypes off: { "to": 5 } is refused, not turned into "5".
  const server = Fastify({
    bodyLimit: 32_768,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });

  server.decorateRequest('tenantId', '');
  server.addHook('onRequest', async (request, reply) => {
    const tenantId = tenantOf(request);
    if (tenantId === undefined) return reply.code(401).send({ error: 'LOGIN' });
    request.tenantId = tenantId;
    reply.header('cache-control', 'no-store');
  });

  server.setErrorHandler((error, _request, reply) => {
    const isOurs = isVaultError(error);
    const { statusCode = 500, message } = error as { statusCode?: number; message: string };
    const status = isOurs ? (STATUS[error.code] ?? 500) : statusCode;
    // What only the operator can mend is not explained to the user.
    const isForUser = status < 500 || isVaultError(error, 'ERR_PROVIDER');
    reply.code(status).send({
      error: isOurs ? error.code : status < 500 ? 'BAD_REQUEST' : 'INTERNAL',
      ...(isForUser && { message }),
    });
  });

  server.get('/settings/twilio', ({ tenantId }) => vault.status(tenantId, 'twilio'));

  server.put<{ Body: Record<string, string | null> }>(
    '/settings/twilio',
    { schema: { body: form } },
    ({ tenantId, body }) => vault.applyForm(tenantId, 'twilio', body),
  );

  server.post<{ Body: { to: string; body: string } }>(
    '/sms',
    { schema: { body: sms } },
    async ({ tenantId, body: { to, body } }, reply) => {
      const client = await getTwilioClient(vault, { tenantId, ...(twilio && { client: twilio }) });
      const from = (await vault.require(tenantId, 'twilio')).phoneNumber ?? '';
      const { sid, status } = await client.messages.create({ from, to, body });
      return reply.code(201).send({ sid, status });
    },
  );

  return server;
}
