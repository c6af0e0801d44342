import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { protos } from '@google-cloud/kms';
import { grpc } from 'google-gax';

const { EncryptRequest, EncryptResponse, DecryptRequest, DecryptResponse } =
  protos.google.cloud.kms.v1;
type Encrypt = protos.google.cloud.kms.v1.IEncryptRequest;
type Decrypt = protos.google.cloud.kms.v1.IDecryptRequest;

/**
 * A stand-in of Google Cloud KMS: two methods by gRPC, from the protos of the official client. It
 * proves that requests are built and answers are read as the client does, and nothing of the service.
 */
export interface GcpStub {
  readonly port: number;
  /** Requests so far, failed ones too. */
  calls: number;
  /** Codes of gRPC that the next calls end with; `undefined`: no answer. */
  readonly failures: (number | undefined)[];
  /** Changes the answers that come. */
  damage: ((answer: { ciphertext?: Uint8Array; plaintext?: Uint8Array }) => void) | undefined;
  close(): void;
}

type Callback = (error: object | null, answer?: object) => void;

/** @param crc32c - independent of the code under test */
export async function startGcpStub(
  names: readonly string[],
  crc32c: (bytes: Uint8Array) => number,
): Promise<GcpStub> {
  const keys = new Map(names.map((name) => [name, randomBytes(32)]));
  const server = new grpc.Server();
  const checked = (bytes: unknown, checksum: { value?: unknown } | null | undefined) =>
    checksum != null && Number(checksum.value) === crc32c(bytes as Uint8Array);

  const handle =
    <R>(answer: (request: R, fail: (code: number) => object) => object) =>
    (call: { request: R }, done: Callback) => {
      stub.calls++;
      const echo = JSON.stringify(call.request); // as a careless server does
      const fail = (code: number) => Object.assign(new Error(echo), { code, details: echo });
      if (stub.failures.length > 0) {
        const code = stub.failures.shift();
        if (code !== undefined) done(fail(code));
        return;
      }
      const result = answer(call.request, fail);
      if (result instanceof Error) return done(result);
      stub.damage?.(result);
      done(null, result);
    };

  const method = (
    path: string,
    request: typeof EncryptRequest,
    response: typeof EncryptResponse,
  ) => ({
    path: `/google.cloud.kms.v1.KeyManagementService/${path}`,
    requestStream: false,
    responseStream: false,
    requestDeserialize: (bytes: Uint8Array) => request.decode(bytes),
    responseSerialize: (answer: object) => Buffer.from(response.encode(answer).finish()),
    requestSerialize: (value: object) => Buffer.from(request.encode(value).finish()),
    responseDeserialize: (bytes: Uint8Array) => response.decode(bytes),
  });

  server.addService(
    {
      encrypt: method('Encrypt', EncryptRequest, EncryptResponse),
      decrypt: method(
        'Decrypt',
        DecryptRequest as unknown as typeof EncryptRequest,
        DecryptResponse as unknown as typeof EncryptResponse,
      ),
    },
    {
      encrypt: handle<Encrypt>((request, fail) => {
        const key = keys.get(request.name ?? '');
        if (key === undefined) return fail(5);
        const iv = randomBytes(12);
        const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
        cipher.setAAD(request.additionalAuthenticatedData as Uint8Array);
        const body = Buffer.concat([
          cipher.update(request.plaintext as Uint8Array),
          cipher.final(),
        ]);
        const ciphertext = Buffer.concat([iv, cipher.getAuthTag(), body]);
        return {
          name: `${request.name}/cryptoKeyVersions/1`,
          ciphertext,
          ciphertextCrc32c: { value: crc32c(ciphertext) },
          verifiedPlaintextCrc32c: checked(request.plaintext, request.plaintextCrc32c),
          verifiedAdditionalAuthenticatedDataCrc32c: checked(
            request.additionalAuthenticatedData,
            request.additionalAuthenticatedDataCrc32c,
          ),
        };
      }),
      decrypt: handle<Decrypt>((request, fail) => {
        const key = keys.get(request.name ?? '');
        const ciphertext = Buffer.from(request.ciphertext as Uint8Array);
        if (key === undefined) return fail(5);
        if (ciphertext.length < 28 || !checked(ciphertext, request.ciphertextCrc32c))
          return fail(3);
        const iv = ciphertext.subarray(0, 12);
        const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
        decipher.setAuthTag(ciphertext.subarray(12, 28));
        decipher.setAAD(request.additionalAuthenticatedData as Uint8Array);
        try {
          const rest = decipher.update(ciphertext.subarray(28));
          const plaintext = Buffer.concat([rest, decipher.final()]);
          return { plaintext, plaintextCrc32c: { value: crc32c(plaintext) } };
        } catch {
          return fail(3);
        }
      }),
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const stub: GcpStub = {
    port,
    calls: 0,
    failures: [],
    damage: undefined,
    close: () => server.forceShutdown(),
  };
  return stub;
}
