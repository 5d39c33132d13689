/**
 * Prometheus options: what an exporter may be told, checked, and made into a subscription.
 *
 * Invariants
 *  (1) Nothing of the caller's is kept that the caller might change: not the records, nor the bounds.
 *
 * @module
 */

import {
  ConfigError,
  type Context,
  type Registry,
  inRange,
  integerInRange,
  isFunction,
  isName,
  withKnown,
} from '@holdfast/core';

import type { ContextSource } from './context-source.ts';
import type { DegradationSource } from './degradation-source.ts';
import type { ConsumerSource, GrpcSource, HttpSource } from './incoming-source.ts';
import type { PrometheusRegister } from './metric-set.ts';
import type { Readable } from './metric-row.ts';
import type { BrownoutSource, OutboxSource, SqlSource, SupervisorSource, TrackerSource } from './service-source.ts';
import type { SingleSource } from './source.ts';
import { type StoreSource, readStore } from './store-source.ts';
import type { Subscription } from './subscription.ts';

/** Options of {@link prometheus}. Omitted ones take {@link prometheusDefaults}. */
export interface PrometheusOptions {
  /** The register of prom-client that the metrics go to. */
  readonly register: PrometheusRegister;
  /** The policies to export: those that the registry holds whenever somebody scrapes. */
  readonly registry: Registry;
  /** The features to export; without it there are none. */
  readonly degradation?: DegradationSource | undefined;
  /** The contexts to export, of a monitor of `@holdfast/context`; without it there are none. */
  readonly contexts?: ContextSource | undefined;
  /** The brownout level to export; without it there is none. */
  readonly brownout?: BrownoutSource | undefined;
  /** Stores beside that of the registry's circuits, by the name that they are shown under. */
  readonly stores?: Readonly<Record<string, StoreSource>> | undefined;
  /** Outboxes, by the name that they are shown under. */
  readonly outboxes?: Readonly<Record<string, OutboxSource>> | undefined;
  /** What counts background work, by the name that it is shown under. */
  readonly trackers?: Readonly<Record<string, TrackerSource>> | undefined;
  /** What restarts something that has crashed, by the name that it is shown under. */
  readonly supervisors?: Readonly<Record<string, SupervisorSource>> | undefined;
  /** Pools of SQL connections, by the name that they are shown under. */
  readonly sqlPools?: Readonly<Record<string, SqlSource>> | undefined;
  /** What serves HTTP requests, by the name that it is shown under. */
  readonly httpServers?: Readonly<Record<string, HttpSource>> | undefined;
  /** What serves gRPC calls, by the name that it is shown under. */
  readonly grpcServers?: Readonly<Record<string, GrpcSource>> | undefined;
  /** What takes messages or jobs from a queue, by the name that it is shown under. */
  readonly consumers?: Readonly<Record<string, ConsumerSource>> | undefined;
  /** What all names begin with. Letters, digits and underscores, no digit first; may be empty. @defaultValue 'holdfast_' */
  readonly prefix?: string | undefined;
  /**
   * Names of one kind of policy that have series of their own; what comes later is counted together as `__other__`. Integer,
   * 1 to 100 000. Of several calls for one register and prefix the largest holds.
   * @defaultValue 500
   */
  readonly maxNames?: number | undefined;
  /**
   * Keys of each keyed policy whose members have series of their own, with the label `key`; the others are counted together
   * as `__other__`. Integer, 0 to 10 000; 0 shows no member. Of several calls the largest holds.
   * @defaultValue 0
   */
  readonly maxKeys?: number | undefined;
  /**
   * Upper bounds of the buckets for the durations of calls. Milliseconds, above 0 and finite, the lowest first, 50 at most;
   * without any, durations are not measured. Of several calls for one register and prefix the first with any holds.
   * @defaultValue [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]
   */
  readonly durationBoundsMs?: readonly number[] | undefined;
  /**
   * Finds the id of the trace that a call is part of; undefined where it is part of none. Buckets then show a call as an example,
   * in the OpenMetrics format. Called in the path of calls: be quick. What it throws is reported.
   */
  readonly traceIdOf?: ((context: Context) => string | undefined) | undefined;
  /** Time of day of examples, in milliseconds since 1970. */
  readonly wallClock?: (() => number) | undefined;
}

/** Every default of {@link prometheus}, in one place. */
export const prometheusDefaults: {
  readonly prefix: string;
  readonly maxNames: number;
  readonly maxKeys: number;
  readonly durationBoundsMs: readonly number[];
  readonly wallClock: () => number;
} = Object.freeze({
  prefix: 'holdfast_',
  maxNames: 500,
  maxKeys: 0,
  durationBoundsMs: Object.freeze([5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]),
  // oxlint-disable-next-line no-restricted-globals -- examples carry the time of day; the clock that was handed in has none
  wallClock: () => Date.now(),
});

/** What an exporter wants to see, and where. */
export type Settings = Subscription & { readonly register: PrometheusRegister; readonly prefix: string };

/**
 * Checks and completes options.
 *
 * @throws ConfigError when one is out of range.
 */
export function resolve(options: PrometheusOptions): Settings {
  const resolved = withKnown('prometheus', prometheusDefaults, options, withoutDefault);
  const { register, registry, degradation, contexts, prefix, maxNames, maxKeys } = resolved;
  const { durationBoundsMs, traceIdOf, wallClock } = resolved;
  check('register', 'a Registry of prom-client', register, typeof register?.registerMetric === 'function');
  check('registry', 'a Registry of @holdfast/core', registry, typeof registry?.[Symbol.iterator] === 'function');
  has('degradation', degradation, 'list');
  has('contexts', contexts, 'snapshot');
  check('prefix', 'letters, digits and underscores, no digit first', prefix, /^(?:[a-zA-Z_]\w*)?$/.test(prefix));
  integerInRange('prometheus.maxNames', maxNames, [1, 100_000]);
  integerInRange('prometheus.maxKeys', maxKeys, [0, 10_000]);
  if (traceIdOf !== undefined) isFunction('prometheus.traceIdOf', traceIdOf);
  isFunction('prometheus.wallClock', wallClock);
  const recorder = { boundsMs: boundsOf(durationBoundsMs), traceIdOf, wallClock };
  const outboxes = named('outboxes', resolved.outboxes, 'count').map(([name, outbox]) => ({ name, outbox }));
  const singles = singlesOf(resolved);
  return { register, registry, degradation, contexts, singles, outboxes, prefix, maxNames, maxKeys, recorder };
}

// --- internal ---

const withoutDefault = [
  'register',
  'registry',
  'degradation',
  'contexts',
  'brownout',
  'stores',
  'outboxes',
  'trackers',
  'supervisors',
  'sqlPools',
  'httpServers',
  'grpcServers',
  'consumers',
  'traceIdOf',
] as const;

function singlesOf(options: PrometheusOptions): readonly SingleSource[] {
  const { brownout, stores, trackers, supervisors, sqlPools, httpServers, grpcServers, consumers } = options;
  has('brownout', brownout, 'explain');
  return [
    ...(brownout === undefined ? [] : [brownoutOf(brownout)]),
    ...named('stores', stores, 'health').map(([name, source]) =>
      single('store', name, source, () => readStore(source.health())),
    ),
    ...named('trackers', trackers, 'status').map(([name, source]) =>
      single('tracker', name, source, () => source.status()),
    ),
    ...named('supervisors', supervisors, 'status').map(([name, source]) =>
      single('supervisor', name, source, () => source.status()),
    ),
    ...named('sqlPools', sqlPools, 'counts').map(([name, source]) =>
      single('sql', name, source, () => source.counts()),
    ),
    ...named('httpServers', httpServers, 'counts').map(([name, source]) =>
      single('http', name, source, () => source.counts()),
    ),
    ...named('grpcServers', grpcServers, 'snapshot').map(([name, source]) =>
      single('grpc', name, source, () => source.snapshot()),
    ),
    ...named('consumers', consumers, 'snapshot').map(([name, source]) =>
      single('consumer', name, source, () => source.snapshot()),
    ),
  ];
}

function brownoutOf(source: BrownoutSource): SingleSource {
  isName('prometheus.brownout.name', source.name);
  return single('brownout', source.name, source, () => {
    const { level, localLevel, maxLevel } = source;
    return { level, localLevel, maxLevel, signals: source.explain().signals };
  });
}

function single<K extends keyof Readable>(
  kind: K,
  name: string,
  source: object,
  read: () => Readable[K],
): SingleSource {
  return { kind, name, source, read };
}

/** The entries of a record of sources. */
function named<T>(
  option: string,
  record: Readonly<Record<string, T>> | undefined,
  method: string,
): readonly (readonly [string, T])[] {
  if (record === undefined) return [];
  check(option, 'an object with a source for each name', record, typeof record === 'object' && record !== null);
  const entries = Object.entries(record); // (1)
  for (const [name, source] of entries) has(`${option}.${name}`, source ?? null, method);
  return entries;
}

function has(option: string, source: unknown, method: string): void {
  if (source === undefined) return;
  const found: unknown = (source as Readonly<Record<string, unknown>> | null)?.[method];
  check(option, `something with ${method}()`, source, typeof found === 'function');
}

function boundsOf(bounds: readonly number[]): readonly number[] {
  const option = 'prometheus.durationBoundsMs';
  check('durationBoundsMs', 'a list of at most 50 numbers', bounds, Array.isArray(bounds) && bounds.length <= 50);
  let before = 0;
  for (const [at, bound] of bounds.entries()) {
    inRange(`${option}[${at}]`, bound, [Number.MIN_VALUE, Number.MAX_VALUE]);
    check(`durationBoundsMs[${at}]`, 'above the one before', bound, bound > before);
    before = bound;
  }
  return [...bounds]; // (1)
}

function check(option: string, expectation: string, value: unknown, isValid: boolean): void {
  if (!isValid) throw new ConfigError(`prometheus.${option}`, expectation, value);
}
