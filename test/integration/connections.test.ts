import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import https, { Agent } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import {
  getSendGridClient,
  getTwilioClient,
  type ProviderError,
  type TwilioClientOptions,
} from 'provider-vault';
import { FakeSendGrid, FakeTwilio } from 'provider-vault/testing';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { bundleWorker } from '../support/bundle-worker.ts';
import {
  accountSid,
  authToken,
  memoryVault,
  rejection,
  sendgridKey,
  twilioAccount,
} from '../support/fixtures.ts';
import { tlsServer } from '../support/tls-server.ts';

const DEEP = Boolean(process.env.PROVIDER_VAULT_DEEP); // npm run test:deep

const held: (() => void)[] = [];
const server = await tlsServer((incoming, response) => {
  const answer = () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  if (incoming.url === '/held') held.push(answer);
  else answer();
});
const twilio = await FakeTwilio.start({ accounts: [twilioAccount(1)] });
const sendgrid = await FakeSendGrid.start({ keys: [{ apiKey: sendgridKey(1) }] });
afterAll(() => Promise.all([server.close(), twilio.close(), sendgrid.close()]));
afterEach(() => {
  vi.unstubAllEnvs();
  twilio.clear();
  sendgrid.clear();
});

const { vault } = memoryVault();
for (const [n, tenantId] of [...'abc'].entries()) {
  await vault.put(tenantId, 'twilio', { accountSid: accountSid(n), authToken: authToken(n) });
  await vault.put(tenantId, 'sendgrid', { apiKey: sendgridKey(1) });
}
await vault.put('one', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
await vault.put('one', 'sendgrid', { apiKey: sendgridKey(1) });
const basic = (n: number) => Buffer.from(`${accountSid(n)}:${authToken(n)}`).toString('base64');
const clientOf = (tenantId: string, options: TwilioClientOptions = {}) =>
  getTwilioClient(vault, { env: {}, ...options, tenantId });
const get = async (client: Awaited<ReturnType<typeof clientOf>>, path = '/') =>
  client.request({ method: 'get', uri: `${server.url}${path}` } as never);
const agentOf = (client: object): Agent =>
  Reflect.get(Reflect.get(client, 'httpClient'), 'axios').defaults.httpsAgent;

describe('connections', () => {
  it('are shared by the clients of all tenants, with the certificates of TWILIO_CA_BUNDLE', async () => {
    vi.stubEnv('TWILIO_CA_BUNDLE', server.ca);
    const { handshakes } = server;
    for (const tenantId of 'abc') await get(await clientOf(tenantId, { timeoutMs: 5_000 }));
    expect(server.handshakes - handshakes).toBe(1);

    // Another set of trusted certificates has connections of its own.
    vi.stubEnv('TWILIO_CA_BUNDLE', undefined);
    const other = await clientOf('a', { timeoutMs: 6_000 });
    expect(await rejection(get(other))).toMatchObject({ code: 'ERR_PROVIDER' });
  });

  it('never show the request of another tenant', async () => {
    vi.stubEnv('TWILIO_CA_BUNDLE', server.ca);
    const [mine, other] = [
      await clientOf('a', { timeoutMs: 7_000 }),
      await clientOf('b', { timeoutMs: 7_000 }),
    ];
    expect(agentOf(mine)).toBe(agentOf(other));
    expect(mine.httpClient).not.toBe(other.httpClient);
    const waiting = get(other, '/held');
    await vi.waitFor(() => expect(held).toHaveLength(1), 20_000);
    const sockets = Object.values(agentOf(mine).sockets).flat();
    const underway = sockets.map((socket) => inspect(socket, { depth: null })).join();
    expect(underway).toContain(basic(1)); // it is there to be found
    for (const showHidden of [false, true]) {
      for (const shown of [mine, mine.httpClient, agentOf(mine), { mine, other }]) {
        const printed = inspect(shown, { depth: null, showHidden });
        for (const n of [0, 1]) {
          expect(printed).not.toContain(basic(n));
          expect(printed).not.toContain(authToken(n));
        }
      }
    }
    for (const shown of [mine, agentOf(mine)]) expect(JSON.stringify(shown)).not.toContain('Basic');
    held.pop()?.();
    await waiting;
  });

  it.runIf(DEEP)(
    'stay open between requests, and outlive a request longer than their idle time',
    async () => {
      const { timeout: idle = 0 } = agentOf(await clientOf('a')).options;
      expect(idle).toBeLessThan(60_000); // providers close later than that
      vi.stubEnv('TWILIO_CA_BUNDLE', server.ca);
      const client = await clientOf('a', { timeoutMs: idle + 20_000 });
      const waiting = get(client, '/held');
      await new Promise((resolve) => setTimeout(resolve, idle + 1_000));
      held.pop()?.();
      expect(await waiting).toMatchObject({ statusCode: 200 });
    },
  );

  it('are those of the caller where he brings an agent, an HTTP client or its settings', async () => {
    const shared = agentOf(await clientOf('a'));
    const own = await clientOf('a', { client: { maxSockets: 3 } });
    expect(agentOf(own)).not.toBe(shared);
    expect(agentOf(own).maxSockets).toBe(3);

    const client = twilio.clientOptions();
    const given = await clientOf('b', { client });
    expect(given.httpClient).toBe(client.httpClient);
  });

  it('go through a proxy: Twilio by HTTP_PROXY, SendGrid by HTTPS_PROXY', async () => {
    const tunnels: string[] = [];
    const proxy = createServer().on('connect', (request: IncomingMessage, socket, head) => {
      tunnels.push(String(request.url));
      const upstream = connect(server.port, 'localhost', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [socket, upstream]) end.on('error', () => {});
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    vi.stubEnv('HTTP_PROXY', proxyUrl);
    vi.stubEnv('HTTPS_PROXY', proxyUrl);
    const client = await clientOf('a', { timeoutMs: 8_000 });
    // The certificate is not trusted: the tunnel was made, and TLS refused.
    expect(await rejection(get(client))).toMatchObject({ code: 'ERR_PROVIDER' });
    expect(tunnels).toEqual([`localhost:${server.port}`]);
    const mail = await getSendGridClient(vault, { tenantId: 'a', env: {}, baseUrl: server.url });
    await rejection(mail.client.request({ url: '/v3/scopes' }));
    expect(tunnels).toHaveLength(2);
    proxy.close();
  });
});

describe('SendGrid', () => {
  it("uses the shared connections, and Node's global agent where the application replaced it", async () => {
    const original = https.globalAgent;
    https.globalAgent = new Agent({ ca: await readFile(server.ca) });
    try {
      const mail = await getSendGridClient(vault, { tenantId: 'a', env: {}, baseUrl: server.url });
      const [{ statusCode }] = await mail.client.request({ url: '/v3/scopes' });
      expect(statusCode).toBe(200);
    } finally {
      https.globalAgent = original;
    }
  });

  it('shows no credential while a request is under way', async () => {
    const mail = await getSendGridClient(vault, {
      tenantId: 'b',
      env: {},
      baseUrl: sendgrid.url,
    });
    sendgrid.failNext({ delayMs: 200, status: 500 });
    const waiting = rejection(mail.client.request({ url: '/v3/scopes' }));
    for (const showHidden of [false, true]) {
      expect(inspect(mail, { depth: null, showHidden })).not.toContain(sendgridKey(1));
    }
    await waiting;
  });
});

describe('a limit', () => {
  const message = { to: '+14155550100', from: '+15005550006', body: 'hello' };
  const mail = { to: 'a@example.com', from: 'b@example.com', subject: 'Hi', text: 'Hello' };
  const retryAfter = (value: string) => ({ status: 429, headers: { 'retry-after': value } });
  const given = { client: twilio.clientOptions() };
  const senders = {
    twilio: {
      standIn: twilio,
      send: async (timeoutMs = 10_000) =>
        (await clientOf('one', { ...given, timeoutMs })).messages.create(message),
    },
    sendgrid: {
      standIn: sendgrid,
      send: async (timeoutMs = 10_000) => {
        const options = { tenantId: 'one', env: {}, baseUrl: sendgrid.url, timeoutMs };
        return (await getSendGridClient(vault, options)).send(mail);
      },
    },
  };

  for (const [name, { standIn, send }] of Object.entries(senders)) {
    const statuses = () => standIn.requests.map(({ status }) => status);

    it(`is waited for as Retry-After says: ${name}`, async () => {
      const start = performance.now();
      standIn.failNext(retryAfter('1'));
      standIn.failNext(retryAfter(new Date(Date.now() + 1_000).toUTCString()));
      await send();
      expect(statuses()).toEqual([429, 429, name === 'twilio' ? 201 : 202]);
      expect(performance.now() - start).toBeGreaterThan(900);
    });

    it(`is an error after three further attempts: ${name}`, async () => {
      standIn.failNext({ ...retryAfter('0'), times: 9 });
      expect(await rejection(send())).toMatchObject({ code: 'ERR_PROVIDER', status: 429 });
      expect(statuses()).toEqual([429, 429, 429, 429]);
    });

    it(`is an error at once without Retry-After, or beyond the time-out: ${name}`, async () => {
      for (const [failure, retryAfterMs] of [
        [{ status: 429 }, undefined],
        [retryAfter('60'), 60_000],
        [retryAfter('soon'), undefined],
        [retryAfter('-1'), undefined],
        [retryAfter('1.5'), undefined],
      ] as const) {
        standIn.clear();
        standIn.failNext(failure);
        const error = (await rejection(send())) as ProviderError;
        expect(error).toMatchObject({ status: 429 });
        expect(error.retryAfterMs).toBe(retryAfterMs);
        expect(statuses()).toEqual([429]);
      }
    });

    it(`does not make a call longer than its time-out: ${name}`, async () => {
      standIn.failNext(retryAfter('3'));
      standIn.failNext({ hang: true });
      const start = performance.now();
      expect(await rejection(send(5_000))).toMatchObject({ providerCode: 'ECONNABORTED' });
      expect(performance.now() - start).toBeLessThan(7_500); // after the pause there are two seconds
    });

    it(`is the only answer that is tried again: ${name}`, async () => {
      for (const failure of [{ status: 500 }, { status: 503 }, { drop: true }]) {
        standIn.clear();
        standIn.failNext({ ...failure, headers: { 'retry-after': '0' } });
        expect(await rejection(send())).toMatchObject({ code: 'ERR_PROVIDER' });
        expect(standIn.requests).toHaveLength(1);
      }
    });
  }
});

describe('300 tenants with three requests each', () => {
  it('make at most 20 handshakes, and keep a third of the memory of the SDK alone', async () => {
    const worker = await bundleWorker('many-tenants');
    const run = async (mode: string) => {
      const { handshakes } = server;
      const child = spawn(process.execPath, ['--expose-gc', worker, mode, server.url], {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: server.ca },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const { ms, bytes } = JSON.parse(await text(child.stdout));
      return { ms, bytes, handshakes: server.handshakes - handshakes };
    };
    const ratios: number[] = [];
    for (let round = 0; round < (DEEP ? 3 : 1); round++) {
      const [sdk, shared] = [await run('sdk'), await run('shared')];
      expect(sdk.handshakes).toBeGreaterThanOrEqual(300);
      expect(shared.handshakes).toBeLessThanOrEqual(20);
      expect(shared.bytes / sdk.bytes).toBeLessThan(1 / 3);
      ratios.push(sdk.ms / shared.ms);
    }
    await rm(dirname(worker), { recursive: true });
    // Times depend on what else the machine does.
    if (DEEP) expect(Math.max(...ratios)).toBeGreaterThan(1.8);
  });
});
