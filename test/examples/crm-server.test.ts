import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, inject, it, onTestFinished } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';

const { db } = await testDatabase();
const mongo = new URL(inject('mongoUri'));
mongo.pathname = `/${db.databaseName}`;
const environment = {
  MONGO_URL: mongo.href,
  PUBLIC_URL: 'http://127.0.0.1',
  CSRF_SECRET: newKey(),
  APP_ENCRYPTION_KEY: newKey(),
  GOOGLE_CLIENT_ID: 'crm',
  GOOGLE_CLIENT_SECRET: 'of-the-tests',
  PORT: '0',
};

/** examples/crm/server.ts as a process. */
function start(env: Record<string, string> = {}) {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const server = spawn(process.execPath, ['--import', 'tsx', 'examples/crm/server.ts'], {
    cwd,
    env: { PATH: process.env.PATH, ...environment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void server.kill('SIGKILL'));
  const lines: string[] = [];
  server.stdout.on('data', (chunk) => lines.push(...String(chunk).trim().split('\n')));
  return { server, lines };
}

async function startListening(env: Record<string, string> = {}) {
  const { server, lines } = start(env);
  await once(server.stdout as NonNullable<typeof server.stdout>, 'data');
  const { address } = JSON.parse(lines[0] as string) as { address: AddressInfo };
  return { server, lines, address };
}

async function endOf(server: ChildProcess) {
  server.kill('SIGTERM');
  const began = performance.now();
  const [code, signal] = await once(server, 'exit');
  return { code, signal, seconds: (performance.now() - began) / 1000 };
}

it('ends when it is told to, though requests are half sent, and says who went away', async () => {
  const { server, lines, address } = await startListening();
  const open = async (sent: string) => {
    const socket = connect(address.port, address.address);
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(sent);
    return socket;
  };
  const head = 'POST /webhooks/twilio/sms HTTP/1.1\r\nHost: crm\r\n';
  const form = 'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\n';
  await open(''); // connected, and silent
  await open(head); // half of its headers
  await open(`${head}${form}Body=half`);
  const gone = await open(`${head.replace('sms', 'gone')}${form}Body=`);
  await new Promise((resolve) => setTimeout(resolve, 300));
  gone.destroy();
  await expect
    .poll(() => lines.find((line) => line.includes('/webhooks/twilio/gone')))
    .toContain('"aborted":true');
  const { code, signal, seconds } = await endOf(server);
  expect([code, signal]).toEqual([0, null]);
  expect(seconds).toBeLessThan(15);
});

it('ends at once without a request, and only this machine has reached it', async () => {
  const { server, address } = await startListening();
  expect(address.address).toBe('127.0.0.1');
  const own = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  if (own) await expect(fetch(`http://${own}:${address.port}/`)).rejects.toThrow();
  // a connection that is kept alive does not hold it up
  await (await fetch(`http://127.0.0.1:${address.port}/`)).text();
  const { code, seconds } = await endOf(server);
  expect(code).toBe(0);
  expect(seconds).toBeLessThan(9); // without the time that is given to requests under way
});

it('listens on what HOST says, and waits for half a request no longer than ten seconds', async () => {
  const { address } = await startListening({ HOST: '0.0.0.0' });
  expect(address.address).toBe('0.0.0.0');
  const socket = connect(address.port, '127.0.0.1');
  const began = performance.now();
  const answer = text(socket);
  socket.write('GET / HTTP/1.1\r\nHost: crm\r\n');
  expect(await answer).toContain('408 Request Timeout');
  expect(performance.now() - began).toBeLessThan(20_000);
});

it('says in one line why it cannot start', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  for (const [env, message] of [
    [{ PORT: String(port) }, `Port ${port} of 127.0.0.1 is taken`],
    [{ PORT: 'http' }, 'PORT must be a whole number'],
    [{ CSRF_SECRET: '' }, 'Set CSRF_SECRET; see examples/crm/README.md.'],
    [{ APP_ENCRYPTION_KEY: '' }, 'APP_ENCRYPTION_KEY'],
  ] as const) {
    const { server } = start(env);
    const [said, [code]] = await Promise.all([text(server.stderr), once(server, 'exit')]);
    expect(code).toBe(1);
    expect(said).toContain(message);
    expect(said.trim().split('\n')).toHaveLength(1);
  }
});

it('keeps the audit trail for as long as AUDIT_DAYS says', async () => {
  await db.collection('secrets_audit').drop();
  const { server } = await startListening({ AUDIT_DAYS: '30' });
  const indexes = await db.collection('secrets_audit').indexes();
  expect(indexes.find(({ expireAfterSeconds }) => expireAfterSeconds)).toMatchObject({
    key: { at: 1 },
    expireAfterSeconds: 30 * 86_400,
  });
  await endOf(server);
});
