import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { KeyManagementServiceClient } from '@google-cloud/kms';
import { grpc } from 'google-gax';
import { gcpKms } from 'provider-vault/kms';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { startGcpStub } from '../support/gcp-stub.ts';
import { describeWrapper, failure, textsOf } from '../support/wrapper-contract.ts';

/** CRC-32C bit by bit, as RFC 3720, appendix B.4 has it. */
function crc32c(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

const ring = 'projects/crm/locations/europe-west3/keyRings/vault/cryptoKeys';
const name = `${ring}/tenants`;
const stub = await startGcpStub([name, `${ring}/other`], crc32c);
const client = new KeyManagementServiceClient({
  projectId: 'crm',
  servicePath: '127.0.0.1',
  port: stub.port,
  sslCreds: grpc.credentials.createInsecure(),
});
afterAll(async () => {
  await client.close();
  stub.close();
});
afterEach(() => {
  stub.failures.length = 0;
  stub.damage = undefined;
});

const wrapper = () => gcpKms({ client, name });
const acme = { tenantId: 'acme' };
const bytes = randomBytes(32);
const hidden = textsOf(bytes);

describeWrapper('Google Cloud KMS', {
  wrapper,
  otherKey: () => gcpKms({ client, name: `${ring}/other` }),
  bindsTenant: true,
});

describe('gcpKms', () => {
  it('knows the check value of CRC-32C', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  it('is named by its key', () => {
    expect(wrapper().id).toBe(`gcp:${name}`);
  });

  it('checks its options', () => {
    for (const bad of [
      undefined,
      { client },
      { client, name: '' },
      { client, name: 'tenants' },
      { client, name: `${name}/cryptoKeyVersions/1` },
      { client, name: { $ne: null } },
      { client: {}, name },
    ]) {
      expect(() => gcpKms(bad as never), inspect(bad)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
      );
    }
  });

  it('names the permission that is missing', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    const secrets = [...hidden, ...textsOf(wrapped)];
    stub.failures.push(7, 7);
    const refused = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', secrets);
    expect(refused.message).toBe(
      `Google Cloud KMS did not wrap a key with gcp:${name}: PERMISSION_DENIED. The permission cloudkms.cryptoKeyVersions.useToEncrypt is missing.`,
    );
    const closed = await failure(wrapper().unwrap(wrapped, acme), 'ERR_KEY_UNAVAILABLE', secrets);
    expect(closed.message).toContain('cloudkms.cryptoKeyVersions.useToDecrypt is missing');
  });

  it('says what else is refused, and tries it once', async () => {
    const cases: [number, string][] = [
      [5, 'NOT_FOUND. There is no such key'],
      [9, 'FAILED_PRECONDITION. The key version is disabled or destroyed.'],
      [16, 'UNAUTHENTICATED. Check the credentials of the client.'],
      [3, 'INVALID_ARGUMENT.'],
    ];
    for (const [code, text] of cases) {
      stub.failures.push(code);
      const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden);
      expect(error.message).toContain(text);
    }
  });

  it('recovers after errors of the service', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    for (const code of [14, 8, 13, 4]) {
      stub.failures.push(code, code);
      expect(Buffer.from(await wrapper().unwrap(wrapped, acme)).equals(bytes)).toBe(true);
    }
  });

  it('gives up after three attempts', async () => {
    stub.failures.push(14, 14, 14, 14);
    const before = stub.calls;
    const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden);
    expect(error.message).toContain('UNAVAILABLE (3 attempts)');
    expect(stub.calls - before).toBe(3);
  });

  it('takes no bytes that were damaged on the way', async () => {
    const wrapped = await wrapper().wrap(bytes, acme);
    let times = 0;
    stub.damage = ({ plaintext, ciphertext }) => {
      const target = plaintext ?? ciphertext;
      if (target?.[0] !== undefined && times++ < 2) target[0] ^= 1;
    };
    expect(Buffer.from(await wrapper().unwrap(wrapped, acme)).equals(bytes)).toBe(true);
    times = -Infinity;
    const lost = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden);
    expect(lost.message).toContain('CRC32C');
    stub.damage = (answer) => Object.assign(answer, { verifiedPlaintextCrc32c: false });
    await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden);
  });

  it('ends within 10 seconds when the service does not answer', async () => {
    stub.failures.push(undefined, undefined, undefined);
    const start = performance.now();
    const error = await failure(wrapper().wrap(bytes, acme), 'ERR_KEY_UNAVAILABLE', hidden);
    expect(performance.now() - start).toBeLessThan(10_000);
    expect(error.message).toContain('(2 attempts)');
    stub.failures.length = 0;
    await wrapper().wrap(bytes, acme);
  });
});
