/**
 * Metric sources: what an exporter may be told to show, checked; the same for every exporter.
 *
 * Invariants
 *  (1) Nothing of the caller's is kept that the caller might change.
 *
 * @module
 */

import { ConfigError, type Registry, integerInRange, isName, withKnown } from '@holdfast/core';

import type { ContextSource } from './context-source.ts';
import type { DegradationSource } from './degradation-source.ts';
import type { ConsumerSource, GrpcSource, HttpSource } from './incoming-source.ts';
import type { BrownoutSource, OutboxSource, SqlSource, SupervisorSource, TrackerSource } from './service-source.ts';
import type { StoreSource } from './store-source.ts';

/** What an exporter shows. Omitted options take {@link metricSourcesDefaults}. */
export interface MetricSourcesOptions {
  /** The policies to show: those that the registry holds whenever somebody looks. */
  readonly registry: Registry;
  /** The features to show; without it there are none. */
  readonly degradation?: DegradationSource | undefined;
  /** The contexts to show, of a monitor of `@holdfast/context`; without it there are none. */
  readonly contexts?: ContextSource | undefined;
  /** The brownout level to show; without it there is none. */
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
  /**
   * Names of one kind of policy that have series of their own; what comes later is counted together as `__other__`. Integer,
   * 1 to 100 000. Of several exporters that share their metrics the largest holds.
   * @defaultValue 500
   */
  readonly maxNames?: number | undefined;
  /**
   * Keys of each keyed policy whose members have series of their own, with the label `key`; the others are counted together
   * as `__other__`. Integer, 0 to 10 000; 0 shows no member. Of several exporters that share their metrics the largest holds.
   * @defaultValue 0
   */
  readonly maxKeys?: number | undefined;
}

/** Every default of {@link MetricSourcesOptions}, in one place. */
export const metricSourcesDefaults: { readonly maxNames: number; readonly maxKeys: number } = Object.freeze({
  maxNames: 500,
  maxKeys: 0,
});

/** What an exporter shows, checked and complete: what {@link resolveSources} returns. */
export interface MetricSources extends MetricSourcesOptions {
  readonly maxNames: number;
  readonly maxKeys: number;
}

/** The options that an exporter has beside its sources: those with a default, and the names of those without. */
export interface OwnOptions<D extends object> {
  readonly defaults: D;
  readonly names: readonly string[];
}

/**
 * Checks and completes what an exporter was told to show. `exporter` is the function that was called, for the texts of errors.
 *
 * @returns the sources, and all options with their defaults, those of the exporter's own unchecked.
 * @throws ConfigError when a source is not what it must be, or a number is out of range.
 * @throws TypeError when there is an option that is neither a source nor one of the exporter's own.
 *
 * @example
 * ```ts
 * const { sources, options } = resolveSources('lines', given, { defaults: { prefix: '' }, names: ['write'] });
 * ```
 */
export function resolveSources<O extends MetricSourcesOptions, D extends object>(
  exporter: string,
  given: O,
  own: OwnOptions<D>,
): { readonly sources: MetricSources; readonly options: D & O } {
  const defaults = { ...metricSourcesDefaults, ...own.defaults };
  const options = withKnown(exporter, defaults, given, [...sourceNames, ...own.names]);
  const { registry, maxNames, maxKeys, brownout } = options;
  const isRegistry = typeof registry?.[Symbol.iterator] === 'function';
  check(`${exporter}.registry`, 'a Registry of @holdfast/core', registry, isRegistry);
  integerInRange(`${exporter}.maxNames`, maxNames, [1, 100_000]);
  integerInRange(`${exporter}.maxKeys`, maxKeys, [0, 10_000]);
  const singles = entriesOf(singleMethods).map(([option, method]) => {
    requireMethod(`${exporter}.${option}`, options[option], method);
    return [option, options[option]] as const;
  });
  if (brownout !== undefined) isName(`${exporter}.brownout.name`, brownout.name);
  const named = entriesOf(namedMethods).map(
    ([option, method]) => [option, copyOf(`${exporter}.${option}`, options[option], method)] as const,
  );
  const sources = { registry, maxNames, maxKeys, ...Object.fromEntries([...singles, ...named]) };
  return { sources, options };
}

// --- internal ---

/** What is there once, and the method that it must have. */
const singleMethods = { degradation: 'list', contexts: 'snapshot', brownout: 'explain' } as const;

/** What is handed in by name, and the method that each must have. */
const namedMethods = {
  stores: 'health',
  outboxes: 'count',
  trackers: 'status',
  supervisors: 'status',
  sqlPools: 'counts',
  httpServers: 'counts',
  grpcServers: 'snapshot',
  consumers: 'snapshot',
} as const;

const sourceNames: readonly string[] = ['registry', ...Object.keys(singleMethods), ...Object.keys(namedMethods)];

function entriesOf<K extends string>(methods: Readonly<Record<K, string>>): readonly (readonly [K, string])[] {
  return Object.entries(methods) as [K, string][];
}

/** A copy of a record of sources, each of which has its method. */
function copyOf(option: string, record: object | undefined, method: string): object | undefined {
  if (record === undefined) return undefined;
  check(option, 'an object with a source for each name', record, typeof record === 'object' && record !== null);
  const entries = Object.entries<unknown>(record as Readonly<Record<string, unknown>>);
  for (const [name, source] of entries) requireMethod(`${option}.${name}`, source ?? null, method);
  return Object.fromEntries(entries); // (1)
}

function requireMethod(option: string, source: unknown, method: string): void {
  if (source === undefined) return;
  const found: unknown = (source as Readonly<Record<string, unknown>> | null)?.[method];
  check(option, `something with ${method}()`, source, typeof found === 'function');
}

function check(option: string, expectation: string, value: unknown, isValid: boolean): void {
  if (!isValid) throw new ConfigError(option, expectation, value);
}
