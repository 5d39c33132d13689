/**
 * Metric reader: everything that the exporters of one place want to see, read when they ask and at no other time.
 *
 *   add(sources) ─┐                     ┌─► read()         all that is known at once
 *   add(sources) ─┼─► what is wanted ───┤
 *   add(sources) ─┘                     └─► readAwaited()  outboxes, which may take a second to answer
 *
 * Invariants
 *  (1) A reading is of one moment: each policy and each source is asked once in it, however many metrics it has.
 *  (2) What is wanted twice is read once; what has two names has series of both.
 *  (3) Calls are measured while somebody wants the durations of their registry.
 *  (4) What cannot be read is reported and absent, and spoils nothing else.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import type { CallDurations } from './call-durations.ts';
import type { Metric } from './metric-row.ts';
import type { MetricSources } from './metric-sources.ts';
import { NameCap } from './name-cap.ts';
import { OutboxReader } from './outbox-reader.ts';
import { PipelineMeters } from './pipeline-meters.ts';
import type { OutboxSource } from './service-source.ts';
import { type Series, SeriesTable } from './series-table.ts';
import { type SingleSource, type Source, mayHold, subjectsOf } from './source.ts';
import { type Attempt, type Subject, attemptsOf } from './subject.ts';
import { type Subscription, subscriptionOf } from './subscription.ts';

/** The series of all metrics at one moment. */
export interface MetricReading {
  /** The series of a metric of the table; none of those that the other kind of reading has. */
  of(metric: Metric): Iterable<Series>;
}

/** What {@link MetricReader.add} has begun. */
export interface MetricSubscription {
  /** Ends it. May be called twice; does nothing the second time. */
  close(): void;
}

/** Reads everything that was added to it. */
export interface MetricReader {
  /** Whether nobody wants to see anything. */
  readonly isEmpty: boolean;
  /**
   * Reads what is in `sources` from now on. May be called for the same things again: they are read once.
   *
   * @param durations how the durations of calls are measured; without it they are not.
   */
  add(sources: MetricSources, durations?: CallDurations): MetricSubscription;
  /** Reads what is known at once: every metric that is not {@link Metric.isAwaited}. Never throws. */
  read(): MetricReading;
  /** Reads what takes time, the metrics that are {@link Metric.isAwaited}: for a second at most. Never rejects. */
  readAwaited(): Promise<MetricReading>;
}

/**
 * Makes a reader. Whoever shows metrics in one place, such as a register of prom-client or a meter of OpenTelemetry, needs one
 * for it, which is shared by all that shows there.
 *
 * @param exporter what errors of reading are reported as: `prometheus.read`.
 *
 * @example
 * ```ts
 * const reader = createMetricReader('lines');
 * reader.add(resolveSources('lines', { registry }, { defaults: {}, names: [] }).sources);
 * for (const metric of metricTable) for (const { labels, value } of reader.read().of(metric)) console.log(labels, value);
 * ```
 */
export function createMetricReader(exporter: string): MetricReader {
  return new Reader(`${exporter}.read`);
}

// --- internal ---

class Reader implements MetricReader {
  readonly #subscriptions = new Set<Subscription>();
  readonly #meters = new PipelineMeters();
  readonly #caps = new Map<string, NameCap>();
  readonly #attempt: Attempt;
  readonly #outboxes: OutboxReader;
  readonly #sourceIds = new WeakMap<object, number>();
  #sourceCount = 0;

  constructor(hook: string) {
    this.#attempt = attemptsOf(hook);
    this.#outboxes = new OutboxReader(hook);
  }

  get isEmpty(): boolean {
    return this.#subscriptions.size === 0;
  }

  add(sources: MetricSources, durations?: CallDurations): MetricSubscription {
    const subscription = subscriptionOf(sources, durations);
    this.#subscriptions.add(subscription);
    this.#meters.watch(sources.registry, durations);
    return { close: () => this.#remove(subscription) };
  }

  read(): MetricReading {
    const groups = new Map<string, Subject[]>();
    const silent: Source[] = [];
    for (const source of this.#sources()) {
      const found = subjectsOf(source);
      if (found === undefined) silent.push(source); // (4)
      for (const subject of found ?? []) listOf(groups, subject.group).push(subject);
    }
    const table = new SeriesTable();
    for (const group of new Set([...groups.keys(), ...this.#caps.keys()])) {
      const isComplete = !silent.some((source) => mayHold(source, group));
      this.#collect(groups.get(group) ?? [], group, { table, isComplete });
    }
    return table;
  }

  async readAwaited(): Promise<MetricReading> {
    const table = new SeriesTable();
    for (const single of await Promise.all(this.#askOutboxes())) {
      if (single === undefined) continue;
      const source = { id: this.#idOf(single.source), single, attempt: this.#attempt };
      for (const subject of subjectsOf(source) ?? []) {
        for (const [row, samples] of subject.read() ?? []) table.add(row, subject.place, samples);
      }
    }
    return table;
  }

  // --- internal ---

  #remove(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    const wanted = [...this.#subscriptions].filter(({ durations }) => (durations?.boundsMs.length ?? 0) > 0);
    this.#meters.keepOnly(new Set(wanted.map(({ registry }) => registry))); // (3)
  }

  #collect(subjects: readonly Subject[], group: string, { table, isComplete }: Collecting): void {
    const cap = this.#caps.get(group) ?? new NameCap();
    this.#caps.set(group, cap);
    const of = subjects[0]?.place.key === undefined ? 'maxNames' : 'maxKeys';
    const max = Math.max(0, ...[...this.#subscriptions].map((subscription) => subscription[of]));
    cap.collect(subjects, table, { max, isComplete });
    if (subjects.length === 0 && isComplete) this.#caps.delete(group);
  }

  #askOutboxes(): readonly Promise<SingleSource<'outbox'> | undefined>[] {
    const wanted = new Map<string, { readonly name: string; readonly outbox: OutboxSource; readonly clock: Clock }>();
    for (const { outboxes, registry } of this.#subscriptions)
      for (const { name, outbox } of outboxes)
        wanted.set(this.#keyOf({ kind: 'outbox', name, source: outbox }), { name, outbox, clock: registry.clock }); // (2)
    return Array.from(wanted.values(), async ({ name, outbox, clock }) => {
      const reading = await this.#outboxes.read(outbox, name, clock);
      return reading && { kind: 'outbox' as const, name, source: outbox, read: () => reading };
    });
  }

  #sources(): readonly Source[] {
    const all = [...this.#subscriptions];
    const registries = new Set(all.map(({ registry }) => registry));
    const degradations = new Set(all.flatMap(({ degradation }) => degradation ?? []));
    const contexts = new Set(all.flatMap((subscription) => subscription.contexts ?? []));
    const singles = new Map(
      all.flatMap(({ singles: own }) => own.map((single) => [this.#keyOf(single), single] as const)),
    );
    const attempt = this.#attempt;
    const maxKeys = Math.max(0, ...all.map((subscription) => subscription.maxKeys));
    const idOf = (policy: object): number => this.#idOf(policy);
    const common = { attempt, maxKeys, meters: this.#meters, seen: new Set<object>(), idOf }; // (1)
    return [
      ...[...registries].map((registry) => ({ ...common, registry })),
      ...[...degradations].map((degradation) => ({ attempt, id: this.#idOf(degradation), degradation })),
      ...[...contexts].map((source) => ({ attempt, id: this.#idOf(source), contexts: source })),
      ...[...singles.values()].map((single) => ({ attempt, id: this.#idOf(single.source), single })), // (2)
    ];
  }

  /** One thing under one name is read once, whoever asks; under two names it has series of both. */
  #keyOf({ kind, name, source }: Omit<SingleSource, 'read'>): string {
    return `${this.#idOf(source)}/${kind}/${name}`;
  }

  #idOf(source: object): number {
    const id = this.#sourceIds.get(source) ?? ++this.#sourceCount;
    this.#sourceIds.set(source, id);
    return id;
  }
}

interface Collecting {
  readonly table: SeriesTable;
  readonly isComplete: boolean;
}

function listOf<K, V>(map: Map<K, V[]>, key: K): V[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}
