import { fromPypi } from '../../examples/mongo-server/pypi.ts';
import { startHttpServer } from './http-server.ts';

const version = '5.2.5';

export interface AwsServer {
  /** Settings of any client of AWS: endpoint, region and credentials. */
  readonly settings: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  stop(): Promise<void>;
}

/** Starts moto, a stand-in of AWS KMS and Secrets Manager; or takes the one of TEST_AWS_ENDPOINT. */
export async function startAws(): Promise<AwsServer> {
  const { TEST_AWS_ENDPOINT } = process.env;
  const server = TEST_AWS_ENDPOINT
    ? { url: TEST_AWS_ENDPOINT, stop: async () => {} }
    : await startMoto();
  console.log(`AWS: ${TEST_AWS_ENDPOINT ? 'server of TEST_AWS_ENDPOINT' : `moto ${version}`}`);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'z'.repeat(20) };
  return {
    settings: { endpoint: server.url, region: 'us-east-1', credentials },
    stop: server.stop,
  };
}

async function startMoto() {
  const requirements = [`moto[kms,secretsmanager]==${version}`, 'flask', 'flask-cors'];
  const packages = await fromPypi(`moto-${version}`, requirements).catch((cause) => {
    const todo = 'Name a server in TEST_AWS_ENDPOINT.';
    throw new Error(`No moto for the tests. ${todo}`, { cause });
  });
  return startHttpServer({
    command: 'python3',
    args: (port) => ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
    env: { PYTHONPATH: packages },
    ready: '/moto-api/',
  });
}
