import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll } from 'vitest';

/** The SDK of OpenTelemetry, whose exporters keep everything in memory. Call it at the top of a file. */
export function telemetry() {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const spans = new InMemorySpanExporter();
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const exporter = new InMemoryMetricExporter(AggregationTemporality.DELTA);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meters = new MeterProvider({ readers: [reader] });
  afterAll(async () => {
    await tracers.shutdown();
    await meters.shutdown();
    context.disable();
  });
  return {
    tracer: tracers.getTracer('test'),
    meter: meters.getMeter('test'),
    /** The spans that have ended since the last call. */
    spans: () => {
      const finished = [...spans.getFinishedSpans()];
      spans.reset();
      return finished;
    },
    /** The points of all metrics since the last call: how many values, or their sum for a counter. */
    points: async () => {
      await reader.forceFlush();
      const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      exporter.reset();
      return metrics.flatMap(({ metrics: all }) =>
        all.flatMap(({ descriptor: { name, unit }, dataPoints }) =>
          dataPoints.map(({ attributes, value }) => {
            const count = typeof value === 'number' ? value : (value as Histogram).count;
            return { name, unit, attributes, count, value };
          }),
        ),
      );
    },
  };
}
