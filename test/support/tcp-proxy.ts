import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  /** The URI of the server, by way of the proxy. */
  readonly uri: string;
  /** Resets every connection, as a load balancer does that has forgotten them. */
  reset(): void;
  /** Lets nothing through until the next call, and keeps the connections open. */
  hold(held: boolean): void;
  close(): Promise<void>;
}

/** A proxy in front of a MongoDB server, to break the connections between. */
export async function tcpProxy(serverUri: string): Promise<TcpProxy> {
  const target = new URL(serverUri);
  const clients = new Set<Socket>();
  let held = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      clients.add(from);
      from.on('data', (data) => to.write(data));
      from.on('error', () => {});
      from.on('close', () => {
        clients.delete(from);
        to.destroy();
      });
      if (held) from.pause();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    uri: `mongodb://127.0.0.1:${port}/?directConnection=true`,
    reset: () => {
      for (const client of clients) client.resetAndDestroy();
    },
    hold: (value) => {
      held = value;
      for (const client of clients) held ? client.pause() : client.resume();
    },
    close: async () => {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
