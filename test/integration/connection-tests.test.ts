import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineProvider, testConnection } from 'provider-vault';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { memoryVault, rejection } from '../support/fixtures.ts';
import { runScript } from '../support/run-script.ts';

const folder = mkdtempSync(join(tmpdir(), 'smtp-'));
afterAll(() => rmSync(folder, { recursive: true }));
const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
execFileSync(
  'openssl',
  [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-keyout', keyFile, '-out', certFile, '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost'],
  ],
  { stdio: 'ignore' },
);

/** A mail server with one user, and what it saw. */
async function mailServer(options: SMTPServerOptions = {}) {
  const seen: string[] = [];
  const server = new SMTPServer({
    authOptional: false,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth({ method, username, password }, session, done) {
      seen.push(`${method} ${session.secure ? 'under TLS' : 'in the clear'}`);
      if (username === 'sales' && password === 'right-password') done(null, { user: 1 });
      else done(Object.assign(new Error('no'), { responseCode: 535 }));
    },
    onMailFrom(_address, _session, done) {
      seen.push('MAIL');
      done();
    },
    ...options,
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.server.address() as AddressInfo;
  return { port: String(port), seen };
}

const login = { username: 'sales', password: 'right-password' };
async function testSmtp(fields: Record<string, string>, options: object = {}) {
  const { vault } = memoryVault();
  await vault.put('acme', 'smtp', fields);
  return testConnection(vault, { tenantId: 'acme', provider: 'smtp', ...options });
}
const local = { allowPrivateAddresses: true };

describe('the test of a mail server', () => {
  it('signs in, and sends nothing', async () => {
    for (const authMethods of [['PLAIN'], ['LOGIN'], ['LOGIN', 'PLAIN']]) {
      const { port, seen } = await mailServer({ authMethods });
      const fields = { hostname: 'localhost', port, ...login };
      expect(await testSmtp(fields, local)).toEqual({ ok: true });
      const wrong = await testSmtp({ ...fields, password: 'wrong-password' }, local);
      expect(wrong).toMatchObject({ ok: false, code: 'wrong_credentials' });
      expect(JSON.stringify(wrong)).not.toContain('wrong-password');
      expect(seen).toHaveLength(2);
      expect(seen[0]).toMatch(/^(?:PLAIN|LOGIN) in the clear$/);
    }
  });

  it('sends the password through TLS with a valid certificate, where there is TLS', async () => {
    const tls = { key: readFileSync(keyFile), cert: readFileSync(certFile) };
    const { port, seen } = await mailServer({ ...tls, disabledCommands: [] });
    const fields = { hostname: 'localhost', port, ...login };
    expect(await testSmtp(fields, local)).toEqual({
      ok: false,
      code: 'unreachable',
      detail: 'localhost has no valid certificate.',
    });
    expect(seen).toEqual([]);
    const args = [JSON.stringify(fields)];
    const worker = 'test/support/workers/test-smtp.ts';
    const trusting = await runScript(worker, args, { NODE_EXTRA_CA_CERTS: certFile });
    expect([trusting.stderr, trusting.stdout]).toEqual(['', '{"ok":true}\n']);
    expect(seen).toEqual(['PLAIN under TLS']);
  });

  it.each([
    ...['localhost', '127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.0.1', '169.254.169.254'],
    ...['100.64.0.1', '0.0.0.0', '::1', '::', 'fe80::1', 'fd00::1', '::ffff:127.0.0.1'],
    ...['::ffff:7f00:1', '64:ff9b::a00:1', '2130706433', '0x7f.1'],
  ])('refuses the private address %s', async (hostname) => {
    const { port, seen } = await mailServer();
    expect(await testSmtp({ hostname, port, ...login })).toMatchObject({
      ok: false,
      code: 'not_allowed',
    });
    expect(seen).toEqual([]);
  });

  it('is a result when nobody, or nobody sensible, is there', async () => {
    const fields = { hostname: 'localhost', ...login };
    const none = createTcpServer().listen(0, '127.0.0.1');
    await once(none, 'listening');
    const { port } = none.address() as AddressInfo;
    none.close();
    expect(await testSmtp({ ...fields, port: String(port) }, local)).toMatchObject({
      code: 'unreachable',
    });
    for (const [says, code] of [
      ['', 'timeout'],
      ['421 busy\r\n', 'provider_error'],
      ['x'.repeat(100_000), 'unreachable'],
      ['220 hello\r\n', 'timeout'],
    ] as const) {
      const odd = createTcpServer((socket) => void socket.on('error', () => {}).write(says));
      odd.listen(0, '127.0.0.1');
      await once(odd, 'listening');
      const at = { ...fields, port: String((odd.address() as AddressInfo).port) };
      expect(await testSmtp(at, { ...local, timeoutMs: 300 })).toMatchObject({ ok: false, code });
      odd.close();
    }
    expect(await testSmtp({ ...fields, hostname: 'nowhere.invalid' })).toMatchObject({
      code: 'unreachable',
    });
  });

  it('needs the password again for another host, when testing and when saving', async () => {
    const { vault } = memoryVault();
    const { port, seen } = await mailServer();
    await vault.put('acme', 'smtp', { hostname: 'mail.acme.test', port, ...login });
    const test = (fields: Record<string, string | null>) =>
      testConnection(vault, { tenantId: 'acme', provider: 'smtp', fields, ...local });
    const { masked = '' } = (await vault.status('acme', 'smtp')).fields.password ?? {};
    for (const fields of [
      { hostname: 'localhost' },
      { hostname: 'localhost', password: '' },
      { hostname: 'localhost', password: masked },
      { hostname: 'localhost', password: ' ' },
      { port: '2525' },
    ]) {
      expect(await test(fields)).toMatchObject({
        ok: false,
        code: 'wrong_credentials',
        detail: expect.stringContaining('"password"'),
      });
      expect(await rejection(vault.applyForm('acme', 'smtp', fields))).toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringContaining('"password"'),
      });
    }
    expect(seen).toEqual([]);
    const entered = { hostname: 'localhost', password: login.password };
    expect(await test(entered)).toEqual({ ok: true });
    expect(await vault.applyForm('acme', 'smtp', entered)).toMatchObject({ state: 'configured' });
    // what does not move needs nothing
    await vault.applyForm('acme', 'smtp', { hostname: 'localhost', fromEmail: 'a@acme.test' });
    await vault.applyForm('acme', 'smtp', { hostname: 'other.test', password: null });
    expect(await vault.status('acme', 'smtp')).toMatchObject({ missing: ['password'] });
    await vault.applyForm('acme', 'smtp', { hostname: 'third.test' });
  });
});

describe('the test of a provider of models', () => {
  it.each([
    ['openai', '/v1/models', 'authorization', 'Bearer the-key', 401],
    ['anthropic', '/v1/models', 'x-api-key', 'the-key', 401],
    ['gemini', '/v1beta/models', 'x-goog-api-key', 'the-key', 400],
  ])('%s lists the models', async (provider, path, header, value, refusal) => {
    const requests: string[] = [];
    let status = 200;
    const server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      const known = request.headers[header] === value;
      const location = { location: 'http://127.0.0.1:1/' };
      response.writeHead(known ? status : refusal, status === 302 ? location : {}).end('{}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { vault } = memoryVault();
    const test = async (apiKey = 'the-key') => {
      await vault.put('acme', provider, { apiKey });
      return testConnection(vault, { tenantId: 'acme', provider, baseUrl });
    };
    expect(await test()).toEqual({ ok: true });
    expect((await vault.status('acme', provider)).health).toMatchObject({ state: 'ok' });
    expect(await test('another')).toMatchObject({ ok: false, code: 'wrong_credentials' });
    for (const [next, code] of [
      [403, 'not_allowed'],
      [429, 'rate_limited'],
      [503, 'provider_error'],
      [302, 'unreachable'], // a redirect would take the key elsewhere
    ] as const) {
      status = next;
      expect(await test()).toMatchObject({ ok: false, code });
    }
    expect(new Set(requests)).toEqual(new Set([`GET ${path}`]));
  });
});

it('a definition brings its own test', async () => {
  const { vault } = memoryVault();
  const seen: unknown[] = [];
  const stripe = defineProvider({
    name: 'stripe',
    fields: { key: { label: 'Key', secret: true } },
    complete: [['key']],
    test: async ({ fields, signal, allowPrivateAddresses }) => {
      seen.push(fields.key, signal.aborted, allowPrivateAddresses);
      if (fields.key === 'hang')
        await new Promise((done) => signal.addEventListener('abort', done));
      return { ok: fields.key === 'good' };
    },
  });
  await vault.put('acme', stripe, { key: 'good' });
  const options = { tenantId: 'acme', provider: stripe, env: {} };
  expect(await testConnection(vault, options)).toEqual({ ok: true });
  expect(seen).toEqual(['good', false, false]);
  expect(await testConnection(vault, { ...options, fields: { key: 'bad' } })).toEqual({
    ok: false,
  });
  const hanging = { ...options, fields: { key: 'hang' }, timeoutMs: 50 };
  expect(await testConnection(vault, hanging)).toMatchObject({ code: 'timeout' });
  expect((await vault.status('acme', stripe)).health).toMatchObject({ state: 'ok' });
});
