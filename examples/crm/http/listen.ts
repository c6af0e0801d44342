import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

const GRACE_MS = 10_000;

/** A server for a backend that is reached over a network: nobody keeps a connection for nothing. */
export async function listen(port: number, host: string): Promise<Server> {
  const server = createServer({
    headersTimeout: 10_000,
    requestTimeout: 30_000, // with its body
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 1_000,
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`Port ${port} of ${host} is taken by another program. Choose another port.`);
  }
  return server;
}

/** Takes no more requests, and waits for those under way: not for ever, some are never sent whole. */
export async function close(server: Server, graceMs = GRACE_MS): Promise<void> {
  const closed = once(server, 'close');
  server.close(); // idle connections with it
  const impatient = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(impatient);
}
