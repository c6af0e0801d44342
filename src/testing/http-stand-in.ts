import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailurePlan, type StandInFailure } from './stand-in-failure.ts';

/**
 * The header in which the redirected SDKs name the host they meant.
 *
 * @internal
 */
export const HOST_HEADER = 'x-forwarded-host';

/**
 * A request as a provider sees it, its body read to the end.
 *
 * @internal
 */
export interface StandInRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** A header's value, `''` when it is absent. */
  readonly header: (name: string) => string;
  /** Empty when `tooLarge`. */
  readonly body: Buffer;
  readonly tooLarge: boolean;
}

/**
 * An answer; without `body`, an empty one.
 *
 * @internal
 */
export interface StandInReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
}

/**
 * What makes a stand-in Twilio or SendGrid.
 *
 * @internal
 */
export interface StandInProvider {
  /** Larger bodies are read but not kept. */
  readonly maxBodyBytes: number;
  answer(request: StandInRequest): StandInReply;
  /** The answer, in the provider's shape, for a planned failure. */
  fail(
    failure: StandInFailure & { readonly status: number },
    request: StandInRequest,
  ): StandInReply;
  /** Called before the answer leaves; `status` is 0 when none will. */
  record(request: StandInRequest, status: number): void;
}

/**
 * An HTTP server on a free port of 127.0.0.1 that answers for one provider.
 *
 * @internal
 */
export class HttpStandIn {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly failures = new FailurePlan();
  readonly #server: Server;
  readonly #provider: StandInProvider;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  private constructor(server: Server, provider: StandInProvider) {
    this.#server = server;
    this.#provider = provider;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => {
      this.#serve(request, response).catch(() => request.socket.destroy());
    });
  }

  static async start(provider: StandInProvider): Promise<HttpStandIn> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new HttpStandIn(server, provider);
  }

  /** Ends every open connection at once, answered or not. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#closing.abort();
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
    return this.#closed;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming, this.#provider.maxBodyBytes);
    if (request === undefined) return;
    // From here to `record` nothing waits: requests are decided and recorded one after the other.
    const failure = this.failures.take();
    const reply = this.#decide(request, failure);
    this.#provider.record(request, reply?.status ?? 0);

    const { signal } = this.#closing;
    if (failure?.delayMs) {
      await sleep(failure.delayMs, undefined, { signal }).catch(() => undefined);
    }
    if (signal.aborted) return;
    if (reply !== undefined) send(response, reply);
    else if (failure?.drop) incoming.socket.destroy();
  }

  #decide(request: StandInRequest, failure: StandInFailure | undefined): StandInReply | undefined {
    if (failure?.hang || failure?.drop) return undefined;
    const status = failure?.status;
    if (failure !== undefined && status !== undefined) {
      const reply = this.#provider.fail({ ...failure, status }, request);
      return { ...reply, headers: { ...reply.headers, ...failure.headers } };
    }
    return this.#provider.answer(request);
  }
}

/** Resolves with `undefined` when the client went away. */
function readRequest(
  incoming: IncomingMessage,
  maxBodyBytes: number,
): Promise<StandInRequest | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      // Read on without keeping: clients see the refusal only after they have sent everything.
      if (bytes <= maxBodyBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    incoming.on('error', () => resolve(undefined));
    incoming.on('close', () => resolve(undefined));
    incoming.on('end', () => {
      const url = incoming.url ?? '/';
      const mark = url.indexOf('?');
      resolve({
        method: incoming.method ?? 'GET',
        path: mark < 0 ? url : url.slice(0, mark),
        query: new URLSearchParams(mark < 0 ? '' : url.slice(mark)),
        header: (name) => String(incoming.headers[name] ?? ''),
        body: Buffer.concat(chunks),
        tooLarge: bytes > maxBodyBytes,
      });
    });
  });
}

function send(response: ServerResponse, reply: StandInReply): void {
  const text = reply.body === undefined ? '' : JSON.stringify(reply.body);
  response.writeHead(reply.status, {
    ...(text === '' ? {} : { 'content-type': 'application/json' }),
    ...reply.headers,
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
