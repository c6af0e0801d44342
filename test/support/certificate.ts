import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A key and a self-signed certificate of 127.0.0.1, made by the command `openssl`. */
export async function certificate(): Promise<{ readonly key: string; readonly cert: string }> {
  const { stdout } = await promisify(execFile)('openssl', [
    ...['req', '-x509', '-nodes', '-days', '2', '-newkey', 'ec'],
    ...['-pkeyopt', 'ec_paramgen_curve:prime256v1', '-keyout', '-', '-out', '-'],
    ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
  ]).catch((cause) => {
    throw new Error('The tests of Azure Key Vault need the command "openssl".', { cause });
  });
  const cert = stdout.slice(stdout.indexOf('-----BEGIN CERTIFICATE'));
  return { key: stdout.slice(0, stdout.length - cert.length), cert };
}
