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

import { ConfigError, type ContextKey, type Registry, withKnown } from '@holdfast/core';
import type { TracerProvider } from '@opentelemetry/api';

import type { CarriedTrace } from './parent-context.ts';
import { noteEvents } from './policy-events.ts';
import { ShownNames } from './shown-names.ts';
import { TracingTap } from './tracing-tap.ts';
import { tapCalls } from './tapped-registry.ts';
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
  /**
   * What the attribute `holdfast.key` says of a key: `(key) => key` the key itself, another function a part or a digest of it;
   * undefined nothing. It is asked when a key is first seen, with the name of the keyed policy. By default no key is shown: keys
   * come with requests, may be many, and may be nobody's business. What it throws is reported, and nothing is shown.
   */
  readonly keyAttribute?: ((key: string, keyed: string) => string | undefined) | undefined;
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
  const { registry, tracerProvider, traceKey, baggage, keyAttribute } = resolve(options);
  if (traced.has(registry)) throw new TypeError('the pipelines of this registry are traced already');
  traced.add(registry);
  let isClosed = false;
  let stopListening: (() => void) | undefined;
  const settings = {
    clock: registry.clock,
    source: new TracerSource(tracerProvider),
    names: new ShownNames(),
    traceKey,
    baggage,
    hasSpans: false,
    onFirstSpan: () => {
      if (!isClosed) stopListening ??= noteEvents(registry.events); // (1)
    },
  };
  const stopTapping = tapCalls(registry, new TracingTap(settings, keyAttribute));
  return {
    close() {
      if (isClosed) return;
      isClosed = true;
      stopTapping(); // (4)
      stopListening?.();
      traced.delete(registry);
    },
  };
}

// --- internal ---

/** Registries whose pipelines are traced: twice would be two spans for each call. */
const traced = new WeakSet<Registry>();

function resolve(options: TraceCallsOptions) {
  const known = ['registry', 'tracerProvider', 'traceKey', 'baggage', 'keyAttribute'] as const;
  const resolved = withKnown('traceCalls', {}, options, known);
  const { registry, tracerProvider, traceKey, baggage = {}, keyAttribute } = resolved;
  check('registry', 'a Registry of @holdfast/core', registry, typeof registry?.watch === 'function');
  if (tracerProvider !== undefined)
    check('tracerProvider', 'a TracerProvider', tracerProvider, typeof tracerProvider?.getTracer === 'function');
  if (traceKey !== undefined) check('traceKey', 'a key of contextKey()', traceKey, isKey(traceKey));
  const isRecord = typeof baggage === 'object' && baggage !== null;
  check('baggage', 'an object with a key for each name', baggage, isRecord && Object.values(baggage).every(isKey));
  if (keyAttribute !== undefined)
    check('keyAttribute', 'a function of a key', keyAttribute, typeof keyAttribute === 'function');
  return { registry, tracerProvider, traceKey, baggage: new Map(Object.entries(baggage)), keyAttribute };
}

function isKey(key: unknown): boolean {
  return typeof key === 'object' && key !== null && typeof (key as Partial<ContextKey<unknown>>).name === 'string';
}

function check(option: string, expectation: string, value: unknown, isRight: boolean): void {
  if (!isRight) throw new ConfigError(`traceCalls.${option}`, expectation, value);
}
