import { createServer, type Server } from 'node:net';
import { inspect } from 'node:util';
import { getSendGridClient, getTwilioClient } from 'provider-vault';
import { FakeTwilio } from 'provider-vault/testing';
import { afterAll, expect, it } from 'vitest';
import { accountSid, authToken, memoryVault, rejection, sendgridKey } from '../support/fixtures.ts';

/** Takes connections, and never answers. */
async function silentServer(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { server, port };
}

const { server, port } = await silentServer();
const stopped = await FakeTwilio.start({
  accounts: [{ accountSid: accountSid(1), authToken: authToken(1) }],
});
afterAll(async () => {
  server.close();
  await stopped.close();
});

const { vault } = memoryVault();
await vault.put('a', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
await vault.put('a', 'sendgrid', { apiKey: sendgridKey(1) });
const asked = { tenantId: 'a', env: {} };
const text = { to: '+14155550100', from: '+15005550006', body: 'hello' };
const mail = { to: 'a@example.com', from: 'b@example.com', subject: 'Hi', text: 'Hello' };

it('ends a request after 30 seconds unless told otherwise: both SDKs', async () => {
  const twilio = await getTwilioClient(vault, asked);
  expect(twilio.timeout).toBe(30_000);
  expect(twilio.httpClient).toMatchObject({ defaultTimeout: 30_000 });
  const service = await getSendGridClient(vault, asked);
  expect(service.client).toMatchObject({ defaultRequest: { timeout: 30_000 } });
});

it('takes timeoutMs: Twilio, also with an HTTP client of the caller', async () => {
  const own = await getTwilioClient(vault, { ...asked, timeoutMs: 200 });
  const request = own.request({ method: 'get', uri: `https://127.0.0.1:${port}/` } as never);
  expect(await rejection(request)).toMatchObject({ providerCode: 'ECONNABORTED' });

  stopped.failNext({ hang: true });
  const given = { ...asked, timeoutMs: 200, client: stopped.clientOptions() };
  const client = await getTwilioClient(vault, given);
  const error = await rejection(client.messages.create(text));
  expect(error).toMatchObject({ providerCode: 'ECONNABORTED' });
});

it('takes timeoutMs: SendGrid', async () => {
  const baseUrl = `http://127.0.0.1:${port}`;
  const service = await getSendGridClient(vault, { ...asked, timeoutMs: 200, baseUrl });
  expect(await rejection(service.send(mail))).toMatchObject({ providerCode: 'ECONNABORTED' });
});

it('ends a request that is answered byte by byte', async () => {
  const trickling = createServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n');
    const byte = setInterval(() => socket.write('x'), 50);
    socket.on('close', () => clearInterval(byte)).on('error', () => {});
  });
  await new Promise<void>((resolve) => trickling.listen(0, '127.0.0.1', resolve));
  const { port } = trickling.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;

  const service = await getSendGridClient(vault, { ...asked, timeoutMs: 300, baseUrl: url });
  const client = await getTwilioClient(vault, { ...asked, timeoutMs: 300 });
  const start = performance.now();
  const errors = await Promise.all([
    rejection(service.send(mail)),
    rejection(client.request({ method: 'get', uri: url } as never)),
  ]);
  for (const error of errors) expect(error).toMatchObject({ providerCode: 'ECONNABORTED' });
  expect(performance.now() - start).toBeLessThan(20_000);
  trickling.close();
});

it.each([0, -1, Number.NaN, 2 ** 31, '5'])('rejects a timeout of %s', async (timeoutMs) => {
  for (const get of [getTwilioClient, getSendGridClient]) {
    const built = get(vault, { ...asked, timeoutMs: timeoutMs as number });
    expect(await rejection(built)).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  }
});

it('shows no credential while a socket is open', async () => {
  const client = await getTwilioClient(vault, { ...asked, timeoutMs: 1_000 });
  const request = client
    .request({ method: 'get', uri: `https://127.0.0.1:${port}/` } as never)
    .catch(() => undefined);
  const connected = new Promise((resolve) => server.once('connection', resolve));
  await connected;
  const basic = Buffer.from(`${accountSid(1)}:${authToken(1)}`).toString('base64');
  // The request is there to be found: the agent's open socket leads to it.
  const axios = Reflect.get(client.httpClient as object, 'axios');
  expect(inspect(axios.defaults.httpsAgent.sockets, { depth: null })).toContain(basic);
  for (const showHidden of [false, true]) {
    for (const shown of [client, client.httpClient, { client }]) {
      const printed = inspect(shown, { depth: null, showHidden });
      expect(printed).not.toContain(basic);
      expect(printed).not.toContain(authToken(1));
    }
  }
  await request;
});
