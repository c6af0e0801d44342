import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { MAX_BODY_BYTES } from './request.ts';

/**
 * A request of `node:http`, to which Express adds members.
 *
 * @public
 */
export type NodeRequest = IncomingMessage & {
  /** The URL before a router has cut it. */
  readonly originalUrl?: string;
  /** The body, where a parser has read it. */
  readonly body?: unknown;
};

const origins = new WeakMap<Request, NodeRequest>();

/**
 * The request of `node:http` that `toNodeListener` made a `Request` of, for `identify`: what your
 * session middleware put there (`nodeRequest(request).session`).
 *
 * @public
 */
export function nodeRequest<T extends NodeRequest = NodeRequest>(request: Request): T | undefined {
  return origins.get(request) as T | undefined;
}

/**
 * Adapts a handler to `node:http` and Express: `app.use('/api/provider-settings', toNodeListener(handle))`.
 * It takes Express's `originalUrl`, and the `body` where a parser has read it.
 *
 * @public
 */
export function toNodeListener(
  handle: (request: Request) => Promise<Response>,
): (request: NodeRequest, response: ServerResponse) => void {
  return (request, response) => {
    const gone = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    answer(request, response, handle, gone.signal).catch(() => {
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { connection: 'close' }).end();
    });
  };
}

async function answer(
  incoming: NodeRequest,
  outgoing: ServerResponse,
  handle: (request: Request) => Promise<Response>,
  signal: AbortSignal,
): Promise<void> {
  const request = toRequest(incoming, signal);
  if (request === undefined) {
    outgoing.writeHead(400, { connection: 'close' }).end();
    return;
  }
  origins.set(request, incoming);
  const response = await handle(request);
  if (outgoing.destroyed) return;
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) {
    if (name === 'set-cookie') outgoing.appendHeader(name, value);
    else outgoing.setHeader(name, value);
  }
  // A large rest of the body is not read: the connection cannot serve another request.
  if (incoming.body === undefined && !incoming.readableEnded && mayBeLarge(incoming)) {
    outgoing.setHeader('connection', 'close');
  }
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}

/** `undefined` for a request that has no such form: a method such as TRACE. */
function toRequest(incoming: NodeRequest, signal: AbortSignal): Request | undefined {
  const { method = 'GET', url = '/', originalUrl = url } = incoming;
  try {
    const headers = new Headers();
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (name.startsWith(':')) continue; // HTTP/2's own
      for (const one of [value ?? []].flat()) headers.append(name, one);
    }
    // The handler looks at the path only. A client's Host header decides nothing.
    const target = new URL(originalUrl.replace(/^\/+/, '/'), 'http://localhost');
    const body = hasBody(incoming) ? bodyOf(incoming) : undefined;
    return new Request(target, {
      method,
      headers,
      signal,
      ...(body !== undefined && { body, duplex: 'half' }),
    } as RequestInit);
  } catch {
    return undefined;
  }
}

function bodyOf(incoming: NodeRequest): string | Uint8Array | ReadableStream<Uint8Array> {
  const { body } = incoming;
  if (body === undefined) return Readable.toWeb(incoming) as ReadableStream;
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body);
}

function mayBeLarge({ headers }: NodeRequest): boolean {
  const { 'content-length': length } = headers;
  return headers['transfer-encoding'] !== undefined || Number(length ?? 0) > MAX_BODY_BYTES;
}

function hasBody({ method, headers }: NodeRequest): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
