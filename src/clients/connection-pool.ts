import { createHash } from 'node:crypto';
import https, { Agent } from 'node:https';
import { printAs } from './conceal.ts';

// As many sockets per host as one SDK client of Twilio opens. Further requests wait in line, and their
// time-out runs.
const MAX_SOCKETS = 20;
// Providers close idle connections after a minute or more. A request on a connection that is just
// being closed fails, and a send must not be repeated: the pool closes first.
const IDLE_MS = 15_000;

const pools = new Map<string, Agent>();

/**
 * The keep-alive connections that all clients of this process share: sockets only. Credentials travel
 * with each request, and stay with their client.
 *
 * @param ca - certificates to trust in place of Node's own; connections are shared among equal ones
 * @internal
 */
export function sharedAgent(ca?: string | Uint8Array): Agent {
  const key = ca === undefined ? '' : createHash('sha256').update(ca).digest('base64');
  let agent = pools.get(key);
  if (agent === undefined) {
    agent = new Agent({
      keepAlive: true,
      maxSockets: MAX_SOCKETS,
      timeout: IDLE_MS,
      ca: ca as string,
    });
    // A socket leads to the request on it, with the credentials of whichever tenant sent it.
    printAs(agent, 'ConnectionPool', () => ({ maxSockets: MAX_SOCKETS }));
    pools.set(key, agent);
  }
  return agent;
}

// The options of the global agent that Node makes.
const NODE_OPTIONS = new Set(['keepAlive', 'scheduling', 'timeout', 'noDelay', 'path']);

/** {@link sharedAgent}, unless the application has made Node's global agent its own: a proxy, its CA. @internal */
export function sharedAgentUnlessReplaced(): Agent | undefined {
  const { globalAgent } = https; // replaced in the module's object; a named import would be the old one
  const isNodes =
    globalAgent.constructor === Agent &&
    Object.keys(globalAgent.options).every((name) => NODE_OPTIONS.has(name));
  return isNodes ? sharedAgent() : undefined;
}
