import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  context,
  diag,
  type Meter,
  metrics,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { version } from '../../package.json';
import { TRACING_CHANNELS, type TraceContext } from '../core/tracing.ts';
import { coreOf } from '../core/vault-core.ts';
import { tenantKeyControl } from '../tenant-keys/control.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';

/**
 * Options of {@link instrument}.
 *
 * @public
 */
export interface InstrumentOptions {
  /** Makes the spans. @defaultValue that of the global tracer provider */
  readonly tracer?: Tracer;
  /** Makes the metrics. @defaultValue that of the global meter provider at the time of the call */
  readonly meter?: Meter;
}

const SCOPE = 'provider-vault';
/** Seconds; those that OpenTelemetry advises for HTTP, and longer ones for long operations. */
const BOUNDARIES = [
  ...[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5],
  ...[0.75, 1, 2.5, 5, 7.5, 10, 60, 600, 3600],
];
/** Operations that wait for somebody else's service. */
const REMOTE = new Set(['wrapKey', 'unwrapKey', 'rewrapKeys', 'refresh', 'rotationStep']);
/** In the place of a provider that the vault has no definition of: any caller may name one. */
const OTHER = '_OTHER';

/** Calls of a KMS that have their span: several vaults may share their tenant keys. */
const told = new WeakSet<TraceContext>();

/** What a listener throws would end the process: a tracer or a meter that fails must not. */
const tellOf = (error: unknown) => diag.error('provider-vault: a tracer or a meter failed.', error);

/** An operation under way. */
interface Begun {
  readonly span: Span;
  /** The context in which the span is the active one. */
  readonly active: Context;
  readonly at: number;
}

/** Makes a context the active one, as a tracing channel asks of a store that is bound to it. */
class ActiveContext extends AsyncLocalStorage<Context> {
  override run<R, A extends unknown[]>(
    active: Context,
    callback: (...args: A) => R,
    ...args: A
  ): R {
    return context.with(active, callback, undefined, ...args);
  }
}

/**
 * Turns what a vault does into spans and metrics of OpenTelemetry: its operations, the calls of a KMS by
 * its `TenantKeys`, renewals, and changes of health. Vaults that are not instrumented leave none. A span is
 * the child of the span that is active where the operation is called, and the parent of the spans of the
 * driver or the SDK.
 *
 * Call it once for each vault, after the SDK of OpenTelemetry was started. The guide `observability` names
 * the spans, metrics and attributes. The tenant is an attribute of spans, never of metrics.
 *
 * @example
 * ```ts
 * const stop = instrument(vault);
 * ```
 * @returns a function that ends it
 * @throws VaultError `ERR_INVALID_ARGUMENT` for anything but a vault
 * @public
 */
export function instrument(vault: SecretsVault, options: InstrumentOptions = {}): () => void {
  const core = coreOf(vault);
  const { tracer = trace.getTracer(SCOPE, version), meter = metrics.getMeter(SCOPE, version) } =
    options;
  const owners = new Set([core.owner, tenantKeyControl(core.keys)?.owner]);
  const underway = new Map<TraceContext, Begun>();
  const durations = meter.createHistogram('provider_vault.operation.duration', {
    description: 'Duration of the operations of a vault.',
    unit: 's',
    advice: { explicitBucketBoundaries: BOUNDARIES },
  });
  const lookups = meter.createCounter('provider_vault.cache.lookups', {
    description: 'Records that were looked for in the cache of a vault.',
    unit: '{record}',
  });
  const changes = meter.createCounter('provider_vault.health.changes', {
    description: 'Changes of the health of credentials.',
    unit: '{change}',
  });

  const begin = (event: TraceContext): Context => {
    const parent = context.active();
    if (!owners.has(event.owner) || told.has(event)) return parent;
    try {
      return beginSpan(event, parent);
    } catch (error) {
      tellOf(error);
      return parent;
    }
  };
  const beginSpan = (event: TraceContext, parent: Context): Context => {
    const { operation, tenantId, provider, wrapper, step } = event;
    const attributes = defined({
      'provider_vault.operation': operation,
      'provider_vault.tenant': tenantId,
      'provider_vault.provider': provider,
      'provider_vault.kms.wrapper': wrapper,
      'provider_vault.rotation.step': step,
    });
    const kind = REMOTE.has(operation) ? SpanKind.CLIENT : SpanKind.INTERNAL;
    const span = tracer.startSpan(`provider_vault.${operation}`, { kind, attributes }, parent);
    const active = trace.setSpan(parent, span);
    underway.set(event, { span, active, at: performance.now() });
    if (event.owner !== core.owner) told.add(event);
    return active;
  };

  const end = (message: unknown): void => {
    const event = message as TraceContext;
    const begun = underway.get(event);
    if (begun === undefined) return;
    underway.delete(event);
    try {
      endSpan(event, begun);
    } catch (error) {
      tellOf(error);
    }
    if (stopped) stopListening();
  };
  const endSpan = (event: TraceContext, { span, active, at }: Begun): void => {
    const { operation, provider, records, cached = 0, health, errorType, error } = event;
    const known = provider !== undefined && core.registry.find(provider) !== undefined;
    const about = defined({
      'provider_vault.provider': known || provider === undefined ? provider : OTHER,
    });
    const failure = defined({ 'error.type': errorType });
    durations.record(
      (performance.now() - at) / 1000,
      { 'provider_vault.operation': operation, ...about, ...failure },
      active,
    );
    if (records !== undefined) {
      for (const [result, count] of Object.entries({ hit: cached, miss: records - cached })) {
        if (count > 0) lookups.add(count, { 'provider_vault.cache.result': result }, active);
      }
    }
    if (health !== undefined) {
      changes.add(1, { ...about, 'provider_vault.health.state': health }, active);
    }
    span.setAttributes({
      ...failure,
      ...defined({
        'provider_vault.records': records,
        'provider_vault.records.cached': records && cached,
        'provider_vault.health.state': health,
      }),
    });
    if (error !== undefined) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
    }
    span.end();
  };

  const active = new ActiveContext();
  const channels = Object.values(TRACING_CHANNELS);
  let stopped = false;
  for (const { start, asyncEnd } of channels) {
    start.bindStore(active, begin);
    asyncEnd.subscribe(end);
  }
  /** Once the last span has ended. */
  const stopListening = () => {
    if (underway.size > 0) return;
    for (const { asyncEnd } of channels) asyncEnd.unsubscribe(end);
  };
  return () => {
    stopped = true;
    for (const { start } of channels) start.unbindStore(active);
    stopListening();
  };
}

function defined(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).filter(([, value]) => value !== undefined),
  ) as Attributes;
}
