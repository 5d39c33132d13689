/**
 * Trace calls: spans for the calls of a registry's pipelines, made with whatever SDK of OpenTelemetry is registered.
 *
 *   call prices                        one per call of a pipeline
 *   ├── retry prices (attempt 1)       one per attempt of a retry
 *   │   ├── hedge prices (attempt 1)   one per copy of a hedge
 *   │   └── hedge prices (attempt 2)   the operation runs in the innermost: what it calls is put under that
 *   └── retry prices (attempt 2)
 *
 * Invariants
 *  (1) Without an SDK nothing is made: no span, no event, no context.
 *  (2) Spans change nothing about a call, whatever an SDK, a processor or an exporter throws.
 *  (3) Every span is ended exactly once, at the latest with its call.
 *  (4) `close` takes away what its call brought; calls under way keep their spans.
 *
 * @module
 */

import {
  ConfigError,
  type ContextKey,
  type Layer,
  type NamedPolicy,
  type Pipeline,
  type PipelineTap,
  type Policy,
  type Registry,
  withKnown,
} from '@holdfast/core';
import type { TracerProvider } from '@opentelemetry/api';

import type { CarriedTrace } from './parent-context.ts';
import { type WatchedPolicy, watchedPolicy } from './passage.ts';
import { noteEvent } from './policy-events.ts';
import {
  type TracingSettings,
  activationLayer,
  arrivalLayer,
  attemptLayer,
  callLayer,
  departureLayer,
  partLayer,
} from './span-layers.ts';
import { TracerSource } from './tracer-source.ts';

export type { CarriedTrace } from './parent-context.ts';

/** Options of {@link traceCalls}. */
export interface TraceCallsOptions {
  /** Whose pipelines are traced: those that are there and those that come. */
  readonly registry: Registry;
  /** Makes the spans; by default whatever is registered with `@opentelemetry/api` at the time of each call. */
  readonly tracerProvider?: TracerProvider | undefined;
  /**
   * Where contexts carry a trace: `traceContext` of `@holdfast/context`. It is the parent of a call where no span is active, and
   * the operation's context carries its attempt's span there, so that headers which are written of it say the right parent.
   */
  readonly traceKey?: ContextKey<CarriedTrace> | undefined;
  /**
   * Entries of OpenTelemetry's baggage that contexts take over, by name, and the keys of the values. Nothing else is taken,
   * none is taken over a value that is there, and nothing is put into baggage.
   */
  readonly baggage?: Readonly<Record<string, ContextKey<string>>> | undefined;
}

/** What {@link traceCalls} has begun. */
export interface CallTracing {
  /** Ends it. Calls under way keep their spans. May be called twice; does nothing the second time. */
  close(): void;
}

/**
 * Makes spans of the calls of a registry's pipelines.
 *
 * @throws ConfigError when an option is not what it must be.
 * @throws TypeError when the pipelines of the registry are already traced.
 *
 * @example
 * ```ts
 * const tracing = traceCalls({ registry });
 * ```
 */
export function traceCalls(options: TraceCallsOptions): CallTracing {
  const { registry, tracerProvider, traceKey, baggage } = resolve(options);
  if (traced.has(registry)) throw new TypeError('the pipelines of this registry are traced already');
  traced.add(registry);
  const removals = new Map<NamedPolicy<unknown>, () => void>();
  let stopListening: (() => void) | undefined;
  const settings: TracingSettings = {
    clock: registry.clock,
    source: new TracerSource(tracerProvider),
    traceKey,
    baggage,
    hasSpans: false,
    onFirstSpan: () => void (stopListening ??= registry.events.listen(noteEvent)), // (1)
  };
  const stopWatching = registry.watch({
    added: (policy) => {
      if (canBeTapped(policy)) removals.set(policy, policy.tapWith(tracingTap(policy.name, settings)));
    },
    removed: (policy) => {
      removals.get(policy)?.();
      removals.delete(policy);
    },
  });
  let isClosed = false;
  return {
    close() {
      if (isClosed) return;
      isClosed = true;
      stopWatching();
      for (const remove of removals.values()) remove(); // (4)
      stopListening?.();
      stopListening = () => {};
      traced.delete(registry);
    },
  };
}

// --- internal ---

/** Registries whose pipelines are traced: twice would be two spans for each call. */
const traced = new WeakSet<Registry>();

/** A pipeline, by its shape, so that another copy of core will do. */
function canBeTapped(policy: NamedPolicy<unknown>): policy is Pipeline<unknown> {
  const { kind, tapWith } = policy as Partial<Pipeline<unknown>>;
  return kind === 'pipeline' && typeof tapWith === 'function';
}

function isPipeline(policy: Policy<unknown> | undefined): policy is Policy<unknown> {
  return (policy as Partial<NamedPolicy<unknown>> | undefined)?.kind === 'pipeline';
}

/** The layers of one traced pipeline. */
function tracingTap(name: string, settings: TracingSettings): PipelineTap {
  const watched = new Map<Policy<unknown>, WatchedPolicy | undefined>();
  const watch = (policy: Policy<unknown> | undefined): WatchedPolicy | undefined => {
    if (policy === undefined) return undefined;
    if (!watched.has(policy)) watched.set(policy, watchedPolicy(policy));
    return watched.get(policy);
  };
  const parts = new Set<Policy<unknown>>();
  return {
    layerBetween: (outer, inner, within) => {
      for (const policy of [outer, inner]) if (isPipeline(policy)) parts.add(policy);
      const isPart = parts.has(within);
      return stack([
        ...(outer === undefined ? [isPart ? partLayer(within.name, settings) : callLayer(name, settings)] : []),
        ...leaving(watch(outer), settings),
        ...entering(watch(inner), settings),
        ...(inner === undefined && !isPart ? [activationLayer(settings)] : []),
      ]);
    },
  };
}

function leaving(policy: WatchedPolicy | undefined, settings: TracingSettings): readonly Layer[] {
  if (policy === undefined) return [];
  return [policy.hasAttempts ? attemptLayer(policy, settings) : departureLayer(policy, settings)];
}

function entering(policy: WatchedPolicy | undefined, settings: TracingSettings): readonly Layer[] {
  return policy === undefined ? [] : [arrivalLayer(policy, settings)];
}

/** The first is the outermost. */
function stack(layers: readonly Layer[]): Layer | undefined {
  if (layers.length === 0) return undefined;
  return (inner) => layers.reduceRight((handler, layer) => layer(handler), inner);
}

function resolve(options: TraceCallsOptions) {
  const resolved = withKnown('traceCalls', {}, options, ['registry', 'tracerProvider', 'traceKey', 'baggage']);
  const { registry, tracerProvider, traceKey, baggage = {} } = resolved;
  check('registry', 'a Registry of @holdfast/core', registry, typeof registry?.watch === 'function');
  if (tracerProvider !== undefined)
    check('tracerProvider', 'a TracerProvider', tracerProvider, typeof tracerProvider?.getTracer === 'function');
  if (traceKey !== undefined) check('traceKey', 'a key of contextKey()', traceKey, isKey(traceKey));
  const isRecord = typeof baggage === 'object' && baggage !== null;
  check('baggage', 'an object with a key for each name', baggage, isRecord && Object.values(baggage).every(isKey));
  return { registry, tracerProvider, traceKey, baggage: new Map(Object.entries(baggage)) };
}

function isKey(key: unknown): boolean {
  return typeof key === 'object' && key !== null && typeof (key as Partial<ContextKey<unknown>>).name === 'string';
}

function check(option: string, expectation: string, value: unknown, isRight: boolean): void {
  if (!isRight) throw new ConfigError(`traceCalls.${option}`, expectation, value);
}
