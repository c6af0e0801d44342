import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';

/** A request as a provider sees it, with its whole body. @internal */
export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** A header's value, `''` when it is absent. */
  readonly header: (name: string) => string;
  readonly body: string;
}

/** An answer; a body is sent as JSON. @internal */
export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** What an error says; each provider has its own form for it. @internal */
export interface ErrorContent {
  readonly status: number;
  readonly code?: number;
  readonly field?: string;
  readonly message?: string;
}

/** Thrown where a provider refuses a request; the answer is the provider's error. @internal */
export class Refusal extends Error {
  readonly content: ErrorContent;

  constructor(content: ErrorContent) {
    super(content.message);
    this.content = content;
  }
}

/** One line of a provider's routing table. @internal */
export interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly answer: Answer;
}

type Answer = (request: HttpRequest, ids: Readonly<Record<string, string>>) => HttpReply;

/**
 * Makes a line of a routing table.
 *
 * @param path - `:name` stands for one part without slashes and dots
 * @internal
 */
export function route(method: string, path: string, answer: Answer): Route {
  const pattern = path.replaceAll('.', '\\.').replace(/:(\w+)/g, '(?<$1>[^/.]+)');
  return { method, path: new RegExp(`^${pattern}$`), answer };
}

/** The answer of the request's route. @throws Refusal without one, or from it @internal */
export function answerByRoute(routes: readonly Route[], request: HttpRequest): HttpReply {
  const candidates = routes.filter(({ path }) => path.test(request.path));
  const found = candidates.find(({ method }) => method === request.method);
  if (found === undefined) throw new Refusal({ status: candidates.length === 0 ? 404 : 405 });
  return found.answer(request, found.path.exec(request.path)?.groups ?? {});
}

/** The token of a request with `Authorization: Bearer`, `''` without one. @internal */
export function bearer(request: HttpRequest): string {
  return /^Bearer +(\S+)$/i.exec(request.header('authorization'))?.[1] ?? '';
}

/** Reads a request to its end. @throws when the client breaks off before @internal */
export async function readRequest(incoming: IncomingMessage): Promise<HttpRequest> {
  const body = await text(incoming);
  const { pathname, searchParams } = new URL(`http://127.0.0.1${incoming.url}`);
  return {
    method: incoming.method ?? 'GET',
    path: pathname,
    query: searchParams,
    header: (name) => String(incoming.headers[name] ?? ''),
    body,
  };
}

/** Sends an answer. @internal */
export function send(response: ServerResponse, { status, headers, body }: HttpReply): void {
  const json = body === undefined ? '' : JSON.stringify(body);
  const type = json === '' ? {} : { 'content-type': 'application/json' };
  response.writeHead(status, { ...type, ...headers, 'content-length': Buffer.byteLength(json) });
  response.end(json);
}
