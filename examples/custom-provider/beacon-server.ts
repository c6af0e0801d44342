import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A Beacon of our own on loopback: it knows the tokens of some workspaces. */
export async function startBeacon(tokens: Readonly<Record<string, string>>) {
  const pushes: { readonly workspace: string; readonly text: string }[] = [];
  const server = createServer(async (request, response) => {
    const [, workspace = ''] = /^\/v1\/([a-z-]+)\/pushes$/.exec(request.url ?? '') ?? [];
    const token = Object.hasOwn(tokens, workspace) ? tokens[workspace] : undefined;
    if (token === undefined || request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401).end();
      return;
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    pushes.push({ workspace, text: JSON.parse(body).text });
    response.writeHead(201, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id: randomUUID() }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pushes,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
