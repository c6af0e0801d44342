import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { type NodeRequest, nodeRequest, toNodeListener } from 'provider-vault/settings';
import { afterAll, describe, expect, it } from 'vitest';
import {
  BASE,
  conditionHeader,
  credentials,
  everything,
  expectForm,
  type Sent,
  settingsSite,
} from '../unit/settings/site.ts';

const closing: (() => Promise<unknown>)[] = [];
afterAll(() => Promise.all(closing.map((close) => close())));

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

type Site = ReturnType<typeof settingsSite>;

/** Every way in which a host mounts the handler. */
const HOSTS: Record<string, (site: Site) => Promise<number>> = {
  'node:http': ({ handle }) => listen(toNodeListener(handle)),
  Express: ({ handle }) => {
    const app = express();
    app.use(BASE, toNodeListener(handle));
    return listen(app);
  },
  'Express with a body parser and a router': ({ handle }) => {
    const app = express();
    app.use(express.json({ limit: '1mb' }));
    const router = express.Router();
    router.use('/provider-settings', toNodeListener(handle));
    app.use('/api', router);
    return listen(app);
  },
  'Express with raw bodies': ({ handle }) => {
    const app = express();
    app.use(express.raw({ type: 'application/json', limit: '1mb' }), toNodeListener(handle));
    return listen(app);
  },
  Hono: ({ handle }) => {
    const app = new Hono();
    app.all(`${BASE}/*`, (context) => handle(context.req.raw));
    return listen(toNodeListener(async (request) => app.fetch(request)));
  },
  Fastify: async ({ handle }) => {
    const app = Fastify();
    const listener = toNodeListener(handle);
    await app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
      scope.all(`${BASE}/*`, (request, reply) => {
        reply.hijack();
        listener(request.raw, reply.raw);
      });
    });
    await app.listen({ port: 0, host: '127.0.0.1' });
    closing.push(() => app.close());
    return (app.server.address() as AddressInfo).port;
  },
};

describe.each(Object.entries(HOSTS))('%s', (_name, mount) => {
  async function host() {
    const site = settingsSite();
    const port = await mount(site);
    const bodies: string[] = [];
    async function send(path: string, { method = 'GET', body, etag, headers, as }: Sent = {}) {
      const response = await fetch(`http://127.0.0.1:${port}${BASE}${path}`, {
        method,
        headers: {
          ...(as !== '' && { 'x-user': as ?? 'acme/ada' }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...conditionHeader(etag),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      bodies.push(text);
      return { status: response.status, headers: response.headers, text };
    }
    return { ...site, send, port, bodies };
  }

  it('shows, saves, refuses a stale save, and removes', async () => {
    const { send, bodies, vault } = await host();
    const shown = await send('/?x=1');
    expect(shown.status).toBe(200);
    expect(shown.headers.get('cache-control')).toBe('no-store');
    expect(shown.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expectForm('SettingsOverview', JSON.parse(shown.text));
    const saved = await send('/twilio', {
      method: 'PATCH',
      etag: null,
      body: { fields: credentials },
    });
    expect(saved.status).toBe(200);
    const etag = saved.headers.get('etag')?.slice(1, -1) ?? '';
    expect(JSON.parse(saved.text).etag).toBe(etag);
    const save = (phoneNumber: string) =>
      send('/twilio/', { method: 'PATCH', etag, body: { fields: { phoneNumber } } });
    const both = await Promise.all([save('+15005550001'), save('+15005550002')]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
    const now =
      both
        .find(({ status }) => status === 200)
        ?.headers.get('etag')
        ?.slice(1, -1) ?? '';
    expect(await send('/twilio', { method: 'DELETE', etag: now })).toMatchObject({
      status: 204,
      text: '',
    });
    expect(await vault.get('acme', 'twilio')).toBeUndefined();
    expect(bodies.join()).not.toContain(credentials.authToken);
  });

  it('answers with the statuses of the contract', async () => {
    const { send } = await host();
    const patch = { method: 'PATCH', etag: null, body: { fields: {} } };
    const text = { 'content-type': 'text/plain' };
    for (const [status, path, sent] of [
      [401, '/', { as: '' }],
      [403, '/', { as: 'acme/ada/write' }],
      [404, '/nobody', patch],
      [405, '/twilio', { method: 'PUT', body: {} }],
      [422, '/twilio', { ...patch, body: { fields: { accountSid: 'x' } } }],
      [428, '/twilio', { method: 'PATCH', body: { fields: {} } }],
      [400, '/twilio', { ...patch, body: { fields: [] } }],
      [415, '/twilio', { ...patch, body: 'fields', headers: text }],
      [413, '/twilio', { ...patch, body: { fields: { region: 'x'.repeat(70_000) } } }],
      [200, '/relay/test', { method: 'POST' }],
      [200, '/', { method: 'HEAD' }],
      [204, '/', { method: 'OPTIONS', as: '' }],
    ] as const) {
      const answer = await send(path, sent as Sent);
      expect(answer.status, `${status} ${path}`).toBe(status);
    }
  });

  it('answers the next request after a client that went away in the middle of its body', async () => {
    const { send, port } = await host();
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `PATCH ${BASE}/twilio HTTP/1.1\r\nHost: x\r\nx-user: acme/ada\r\nif-none-match: *\r\n` +
        'content-type: application/json\r\ncontent-length: 5000\r\n\r\n{"fields":',
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    expect((await send('/')).status).toBe(200);
  });
});

/** What a server answers to raw bytes, until it closes the connection. */
async function raw(port: number, head: string, chunk?: string) {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  let answer = '';
  let sent = 0;
  socket.on('data', (data) => {
    answer += data;
  });
  socket.on('error', () => undefined); // reset while it still sends
  socket.write(head);
  const event = (name: string) => new Promise((resolve) => socket.once(name, resolve));
  const closed = event('close');
  while (chunk !== undefined && !socket.destroyed && sent < 50_000_000) {
    sent += chunk.length;
    if (!socket.write(chunk)) await Promise.race([event('drain'), closed]);
  }
  await closed;
  return { answer, sent };
}

describe('on a bare connection', () => {
  it('reads two lines of a condition as the list that they are', async () => {
    const { handle, vault } = settingsSite();
    await vault.put('acme', 'twilio', credentials);
    const { etag } = await vault.status('acme', 'twilio');
    const port = await listen(toNodeListener(handle));
    const { answer } = await raw(
      port,
      `DELETE ${BASE}/twilio HTTP/1.1\r\nHost: x\r\nx-user: acme/ada\r\nconnection: close\r\n` +
        `If-Match: "${etag}"\r\nIf-Match: "other"\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(await vault.get('acme', 'twilio')).toBeDefined();
  });

  it('stops reading an endless body', async () => {
    const port = await listen(toNodeListener(settingsSite().handle));
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const { answer, sent } = await raw(
      port,
      `PATCH ${BASE}/twilio HTTP/1.1\r\nHost: x\r\nx-user: acme/ada\r\nif-none-match: *\r\n` +
        'content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
      chunk,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/connection: close/i);
    expect(sent).toBeLessThan(10_000_000);
  });

  it.each<[string, string]>([
    [
      'a hostile Host',
      `GET ${BASE}/ HTTP/1.1\r\nHost: a b@[::\r\nconnection: close\r\nx-user: acme/ada\r\n\r\n`,
    ],
    [
      'an absolute URL',
      `GET http://evil.example${BASE}/ HTTP/1.1\r\nHost: x\r\nconnection: close\r\nx-user: acme/ada\r\n\r\n`,
    ],
    [
      'two slashes',
      `GET //evil.example${BASE}/ HTTP/1.1\r\nHost: x\r\nconnection: close\r\nx-user: acme/ada\r\n\r\n`,
    ],
    [
      'a method without a meaning',
      `TRACE ${BASE}/ HTTP/1.1\r\nHost: x\r\nconnection: close\r\nx-user: acme/ada\r\n\r\n`,
    ],
  ])('answers %s', async (_what, bytes) => {
    const port = await listen(toNodeListener(settingsSite().handle));
    expect((await raw(port, bytes)).answer).toMatch(/^HTTP\/1\.1 (200|400|404|405) /);
  });
});

it('sends every cookie that a host adds, and 500 where its code fails', async () => {
  const { handle } = settingsSite();
  const port = await listen(
    toNodeListener(async (request) => {
      if (request.url.endsWith('?fail')) throw new Error('of the host');
      const { status, headers, body } = await handle(request);
      const more = new Headers(headers);
      for (const cookie of ['a=1', 'b=2']) more.append('set-cookie', cookie);
      return new Response(body, { status, headers: more });
    }),
  );
  const url = `http://127.0.0.1:${port}${BASE}/`;
  expect((await fetch(url)).headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  expect((await fetch(`${url}?fail`)).status).toBe(500);
});

it('answers where Fastify has read the body already', async () => {
  const { handle } = settingsSite();
  const listener = toNodeListener(handle);
  const app = Fastify();
  app.all(`${BASE}/*`, (request, reply) => {
    reply.hijack();
    const parsed = request.headers['x-parsed'] ? { body: request.body } : {};
    listener(Object.assign(request.raw, parsed), reply.raw);
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  closing.push(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const save = (headers: Record<string, string>) =>
    fetch(`http://127.0.0.1:${port}${BASE}/twilio`, {
      method: 'PATCH',
      headers: {
        ...headers,
        'x-user': 'acme/ada',
        'if-none-match': '*',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ fields: credentials }),
    });
  expect((await save({})).status).toBe(400);
  expect((await save({ 'x-parsed': 'yes' })).status).toBe(200);
});

it('gives identify the request of Express, with what middleware put there', async () => {
  type WithSession = NodeRequest & { session?: { tenantId: string; user: string } };
  const seen: unknown[] = [];
  const { handle } = settingsSite({
    identify: (request) => {
      const session = nodeRequest<WithSession>(request)?.session;
      seen.push(session);
      return session && { tenantId: session.tenantId, actor: session.user, may: everything };
    },
  });
  const app = express();
  app.use((request, _response, next) => {
    (request as WithSession).session = { tenantId: 'acme', user: 'ada' };
    next();
  });
  app.use(BASE, toNodeListener(handle));
  const port = await listen(app);
  expect((await fetch(`http://127.0.0.1:${port}${BASE}`)).status).toBe(200);
  expect(seen).toEqual([{ tenantId: 'acme', user: 'ada' }]);
});
