import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface TlsServer {
  readonly url: string;
  readonly port: number;
  /** The certificate to trust, as a file. */
  readonly ca: string;
  /** TLS handshakes so far. */
  handshakes: number;
  close(): Promise<void>;
}

/** An HTTPS server on loopback, with a certificate of its own for `localhost`. */
export async function tlsServer(listener: RequestListener): Promise<TlsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'provider-vault-tls-'));
  const [key, ca] = [join(folder, 'key.pem'), join(folder, 'ca.pem')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', key, '-out', ca, '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost'],
  ]);
  const server = createServer({ key: await readFile(key), cert: await readFile(ca) }, listener);
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const { port } = server.address() as AddressInfo;
  const started: TlsServer = {
    url: `https://localhost:${port}`,
    port,
    ca,
    handshakes: 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
  server.on('secureConnection', () => {
    started.handshakes++;
  });
  return started;
}
