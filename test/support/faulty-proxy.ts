import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What happens to a request instead of going on to the server. */
export interface ProxyFailure {
  /** Status to answer with. The body is the request with its headers, as of a careless server. */
  readonly status?: number;
  /** Body in its place. */
  readonly body?: string;
  readonly headers?: Record<string, string>;
  /** No answer; the connection stays open. */
  readonly hang?: boolean;
  /** The connection is closed without an answer. */
  readonly drop?: boolean;
}

export interface FaultyProxy {
  readonly url: string;
  /** Paths of the requests so far, failed ones too. */
  readonly requests: string[];
  /** Makes the next `times` requests fail. */
  failNext(failure: ProxyFailure, times?: number): void;
  /** Does nothing to the requests from now on. */
  heal(): void;
  close(): Promise<void>;
}

/**
 * An HTTP server in front of another one, which fails on demand.
 *
 * @param tls - makes it an HTTPS server
 */
export async function faultyProxy(
  target: string,
  tls?: { readonly key: string; readonly cert: string },
): Promise<FaultyProxy> {
  const planned: ProxyFailure[] = [];
  const requests: string[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(request.url ?? '');
    serve(target, planned.shift(), request, response).catch(() => request.socket.destroy());
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    failNext: (failure, times = 1) => {
      for (let n = 0; n < times; n++) planned.push(failure);
    },
    heal: () => {
      planned.length = 0;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function serve(
  target: string,
  failure: ProxyFailure | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(request);
  if (failure?.hang) return;
  if (failure?.drop) {
    request.socket.destroy();
    return;
  }
  if (failure !== undefined) {
    const echo = JSON.stringify({ message: `${body}`, errors: [`${body}`], ...request.headers });
    response.writeHead(failure.status ?? 500, {
      'content-type': 'application/json',
      ...failure.headers,
    });
    response.end(failure.body ?? echo);
    return;
  }
  const { host, connection, 'content-length': _, expect, ...headers } = request.headers;
  const answer = await fetch(`${target}${request.url}`, {
    method: request.method ?? 'GET',
    headers: { ...(headers as Record<string, string>), 'x-forwarded-host': host ?? '' },
    ...(body.length > 0 && { body }),
  });
  const content = Buffer.from(await answer.arrayBuffer());
  const {
    'content-encoding': __,
    'transfer-encoding': ___,
    ...kept
  } = Object.fromEntries(answer.headers);
  response.writeHead(answer.status, { ...kept, 'content-length': content.length });
  response.end(content);
}
