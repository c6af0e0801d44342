import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailurePlan, type StandInFailure } from './failure.ts';
import {
  answerByRoute,
  type ErrorContent,
  type HttpReply,
  type HttpRequest,
  Refusal,
  type Route,
  readRequest,
  send,
} from './http.ts';
import type { Revocations } from './revocations.ts';

/**
 * A request that reached a stand-in. It holds no credential.
 *
 * @public
 */
export interface ReceivedRequest {
  /** `GET`, `POST`, … */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The query's parameters. */
  readonly query: Readonly<Record<string, string>>;
  /** `credentialFingerprint()` of the token, key or secret in the request, `''` without one. */
  readonly credential: string;
  /** The parsed body. */
  readonly body: unknown;
  /** The status of the answer; 0 for a request without an answer. */
  readonly status: number;
}

/** What makes a stand-in Twilio or SendGrid. @internal */
export interface StandInApi<R extends ReceivedRequest> {
  readonly routes: readonly Route[];
  readonly revocations: Revocations;
  /** The error in the provider's form, with its usual text for the status. */
  error(content: ErrorContent): HttpReply;
  /** What the provider adds to the record of a request. */
  describe(request: HttpRequest): Omit<R, 'method' | 'path' | 'query' | 'status'>;
  /** Forgets what was sent. */
  clear(): void;
}

/**
 * What `FakeTwilio` and `FakeSendGrid` have in common: an HTTP server on a free port of 127.0.0.1
 * that answers for a provider, keeps what it receives, and fails on demand.
 *
 * @public
 */
export abstract class StandIn<R extends ReceivedRequest> {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  /** Every request so far in order, refused ones too; a live list. */
  readonly requests: readonly R[];
  readonly #requests: R[] = [];
  readonly #failures = new FailurePlan();
  readonly #closing = new AbortController();
  readonly #server: Server;
  readonly #api: StandInApi<R>;

  /** @internal */
  protected constructor(server: Server, api: StandInApi<R>) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.requests = this.#requests;
    this.#server = server;
    this.#api = api;
    server.on('request', (incoming, response) => {
      this.#serve(incoming, response).catch(() => incoming.socket.destroy());
    });
  }

  /**
   * Makes the next request, or the next `times`, fail. Failures happen in the order they were
   * planned.
   *
   * @throws TypeError when the failure says nothing or a number is out of range
   */
  failNext(failure: StandInFailure): void {
    this.#failures.add(failure);
  }

  /**
   * Revokes an API key, which still works for the `revocationDelayMs` of the start options.
   *
   * @param key - the SID of a Twilio key; a SendGrid key itself
   */
  revokeKey(key: string): void {
    this.#api.revocations.add(key);
  }

  /** Forgets what it received and the failures planned. Revoked keys stay revoked. */
  clear(): void {
    this.#failures.clear();
    this.#requests.length = 0;
    this.#api.clear();
  }

  /** Stops, and ends every open connection at once. May be called again. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#closing.abort();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(incoming);
    // Synchronous from here until the request is kept: requests are decided one after the other.
    const failure = this.#failures.take();
    const reply = failure?.hang || failure?.drop ? undefined : this.#answer(request, failure);
    const { method, path, query } = request;
    const described = this.#api.describe(request);
    const parts = { method, path, query: Object.fromEntries(query), status: reply?.status ?? 0 };
    this.#requests.push({ ...described, ...parts } as R);

    const { signal } = this.#closing;
    if (failure?.delayMs) {
      await sleep(failure.delayMs, undefined, { signal }).catch(() => undefined);
    }
    if (signal.aborted) return;
    if (reply !== undefined) send(response, reply);
    else if (failure?.drop) incoming.socket.destroy();
  }

  #answer(request: HttpRequest, failure: StandInFailure = {}): HttpReply {
    const { status, headers } = failure;
    if (status !== undefined) {
      const reply = this.#api.error({ ...failure, status });
      return { ...reply, headers: { ...reply.headers, ...headers } };
    }
    try {
      return answerByRoute(this.#api.routes, request);
    } catch (error) {
      return this.#api.error(error instanceof Refusal ? error.content : { status: 500 });
    }
  }
}

/** A server that already listens on a free port of 127.0.0.1. @internal */
export async function listen(): Promise<Server> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
