import { tracingChannel } from 'node:diagnostics_channel';
import { TRACED_OPERATIONS, type TraceContext } from 'provider-vault';

/** An event on a tracing channel. */
export interface Trace {
  readonly event: 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error';
  readonly context: TraceContext;
}

/** What `use` leaves on the tracing channels of all operations. */
export async function tracesOf(use: () => Promise<unknown>): Promise<Trace[]> {
  const traces: Trace[] = [];
  const listen = (event: Trace['event']) => (context: unknown) =>
    void traces.push({ event, context: context as TraceContext });
  const listeners = {
    start: listen('start'),
    end: listen('end'),
    asyncStart: listen('asyncStart'),
    asyncEnd: listen('asyncEnd'),
    error: listen('error'),
  };
  const channels = TRACED_OPERATIONS.map((name) => tracingChannel(`provider-vault:${name}`));
  for (const channel of channels) channel.subscribe(listeners);
  try {
    await use();
  } finally {
    for (const channel of channels) channel.unsubscribe(listeners);
  }
  return traces;
}

/** The contexts of the operations that have ended, in the order of their ends. */
export async function ended(use: () => Promise<unknown>): Promise<TraceContext[]> {
  const traces = await tracesOf(use);
  return traces.filter(({ event }) => event === 'asyncEnd').map(({ context }) => context);
}
