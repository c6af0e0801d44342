import { tracingChannel } from 'node:diagnostics_channel';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { MemorySecretStore, SecretsVault } from 'provider-vault';
import { instrument } from 'provider-vault/otel';
import { compare, compareSpeeds } from './compare.ts';
import { type Library, newKey, sampleFields, sampleProvider } from './sample.ts';
import type { Table } from './table.ts';

const READS = 2_000;
const ROUNDS = 101;

/** What a cached read, the shortest operation there is, costs with and without somebody who listens. */
export async function tracing(library: Library): Promise<Table> {
  const keys = new library.Keyring({ encryptionKey: newKey().text });
  const store = new library.MemorySecretStore();
  const vault = new library.SecretsVault({ store, keys, cache: { ttlMs: 3_600_000 } });
  await vault.put('acme', sampleProvider, sampleFields);
  const get = () => vault.get('acme', sampleProvider);
  const reads = async () => {
    const started = performance.now();
    for (let n = 0; n < READS; n++) await get();
    return performance.now() - started;
  };
  const during = (listen: () => () => void) => async () => {
    const stop = listen();
    const took = await reads();
    stop();
    return took;
  };

  const channel = tracingChannel('provider-vault:get');
  const subscribed = during(() => {
    const listener = { asyncEnd: () => {} };
    channel.subscribe(listener as never);
    return () => channel.unsubscribe(listener as never);
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const exporter = new InMemorySpanExporter();
  const spans = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = spans.getTracer('bench');
  const meter = new MeterProvider().getMeter('bench');
  const instrumentOwn = () => {
    const stop = instrument(vault as unknown as SecretsVault, { tracer, meter });
    return () => {
      stop();
      exporter.reset();
    };
  };
  const others = new SecretsVault({ store: new MemorySecretStore(), keys });
  const instrumentOther = () => instrument(others, { tracer, meter });

  return {
    'asking whether anybody listens : cached get': await compare({
      byHand: get,
      library: () => channel.hasSubscribers,
    }),
    'cached get, a subscriber : none': await compareSpeeds(READS, reads, subscribed, ROUNDS),
    'cached get, spans and metrics : none': await compareSpeeds(
      ...[READS, reads, during(instrumentOwn), ROUNDS],
    ),
    'cached get, those of another vault : none': await compareSpeeds(
      ...[READS, reads, during(instrumentOther), ROUNDS],
    ),
  };
}
