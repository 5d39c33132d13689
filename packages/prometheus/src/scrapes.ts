/**
 * Scrapes: what the exporters of one register want to see, read once per scrape.
 *
 *   scrape ─► first metric asked ─► everything is read ─► all other metrics of this scrape are of that reading ─► forgotten
 *                                └► outboxes are asked; their metrics wait for that
 *
 * Invariants
 *  (1) A reading serves until the present run of the event loop's microtask ends: prom-client asks all metrics without a pause.
 *  (2) What is exported twice is read once.
 *  (3) Recorders are attached while an exporter of their registry is there.
 *  (4) All recorders have the same buckets, since histograms of other buckets cannot be added up.
 *
 * @module
 */

import type { Clock, Registry } from '@holdfast/core';

import type { Kind, MetricRow } from './metric-row.ts';
import { NameCap } from './name-cap.ts';
import { OutboxReader } from './outbox-reader.ts';
import { PipelineMeters } from './pipeline-meters.ts';
import type { OutboxSource } from './service-source.ts';
import { type Series, SeriesTable } from './series-table.ts';
import { type SingleSource, type Source, kindOf, subjectsOf } from './source.ts';
import type { Subject } from './subject.ts';
import type { Subscription } from './subscription.ts';

/** Reads everything that is subscribed to. */
export class Scrapes {
  readonly #subscriptions = new Set<Subscription>();
  readonly #meters = new Map<Registry, PipelineMeters>();
  readonly #caps = new Map<string, NameCap>();
  readonly #outboxes = new OutboxReader();
  readonly #sourceIds = new WeakMap<object, number>();
  #sourceCount = 0;
  /** Bounds of all buckets; undefined while nothing is recorded. Milliseconds. */
  #boundsMs: readonly number[] | undefined;
  #reading: SeriesTable | undefined;
  #slowReading: Promise<SeriesTable> | undefined;

  /** Reads what `subscription` wants to see from the next scrape on. */
  add(subscription: Subscription): void {
    this.#subscriptions.add(subscription);
    this.#reading = undefined;
    const { registry, recorder } = subscription;
    if (recorder.boundsMs.length === 0 || this.#meters.has(registry) || typeof registry.watch !== 'function') return;
    this.#boundsMs ??= recorder.boundsMs; // (4)
    this.#meters.set(registry, new PipelineMeters(registry, { ...recorder, boundsMs: this.#boundsMs }));
  }

  /** Ends that. Returns whether anybody wants to see anything still. */
  remove(subscription: Subscription): boolean {
    this.#subscriptions.delete(subscription);
    this.#reading = undefined;
    const wanted = new Set([...this.#subscriptions].filter(hasDurations).map(({ registry }) => registry));
    for (const [registry, meters] of this.#meters) {
      if (wanted.has(registry)) continue;
      meters.close(); // (3)
      this.#meters.delete(registry);
    }
    if (this.#meters.size === 0) this.#boundsMs = undefined;
    return this.#subscriptions.size > 0;
  }

  /** The series of a metric, of the reading of the present scrape. */
  seriesOf(row: MetricRow): Iterable<Series> | Promise<Iterable<Series>> {
    if (row.read.outbox === undefined) return this.#read().of(row);
    return this.#readSlowly().then((table) => table.of(row));
  }

  // --- internal ---

  #read(): SeriesTable {
    if (this.#reading !== undefined) return this.#reading;
    const reading = this.#readAll();
    this.#reading = reading;
    void this.#forgetSoon();
    return reading;
  }

  #readSlowly(): Promise<SeriesTable> {
    if (this.#slowReading !== undefined) return this.#slowReading;
    const reading = this.#readOutboxes();
    this.#slowReading = reading;
    void this.#forgetSoon();
    return reading;
  }

  async #forgetSoon(): Promise<void> {
    await Promise.resolve();
    this.#reading = undefined; // (1)
    this.#slowReading = undefined;
  }

  #readAll(): SeriesTable {
    const groups = new Map<string, Subject[]>();
    const incomplete = new Set<Kind>();
    for (const source of this.#sources()) {
      const found = subjectsOf(source);
      if (found === undefined) incomplete.add(kindOf(source));
      for (const subject of found ?? []) listOf(groups, subject.group).push(subject);
    }
    const table = new SeriesTable();
    for (const group of new Set([...groups.keys(), ...this.#caps.keys()])) {
      const isComplete = !incomplete.has(group as Kind);
      this.#collect(groups.get(group) ?? [], group, { table, isComplete });
    }
    return table;
  }

  #collect(subjects: readonly Subject[], group: string, { table, isComplete }: Collecting): void {
    const cap = this.#caps.get(group) ?? new NameCap();
    this.#caps.set(group, cap);
    const of = subjects[0]?.place.key === undefined ? 'maxNames' : 'maxKeys';
    const max = Math.max(0, ...[...this.#subscriptions].map((subscription) => subscription[of]));
    cap.collect(subjects, table, { max, isComplete });
    if (subjects.length === 0 && isComplete) this.#caps.delete(group);
  }

  async #readOutboxes(): Promise<SeriesTable> {
    const wanted = new Map<string, { readonly single: Omit<SingleSource<'outbox'>, 'read'>; readonly clock: Clock }>();
    for (const { outboxes, registry } of this.#subscriptions)
      for (const { name, outbox: source } of outboxes) {
        const single = { kind: 'outbox' as const, name, source };
        wanted.set(this.#keyOf(single), { single, clock: registry.clock }); // (2)
      }
    const table = new SeriesTable();
    const subjects = await Promise.all(
      [...wanted.values()].map(async ({ single, clock }) => {
        const reading = await this.#outboxes.read(single.source as OutboxSource, single.name, clock);
        return { ...single, reading };
      }),
    );
    for (const { kind, name, source, reading } of subjects) {
      if (reading === undefined) continue;
      const single = { kind, name, source, read: () => reading };
      for (const subject of subjectsOf({ id: this.#idOf(source), single }) ?? []) {
        for (const [row, samples] of subject.read() ?? []) table.add(row, subject.place, samples);
      }
    }
    return table;
  }

  #sources(): readonly Source[] {
    const all = [...this.#subscriptions];
    const registries = new Set(all.map(({ registry }) => registry));
    const degradations = new Set(all.flatMap(({ degradation }) => degradation ?? []));
    const contexts = new Set(all.flatMap((subscription) => subscription.contexts ?? []));
    const singles = new Map(
      all.flatMap(({ singles: own }) => own.map((single) => [this.#keyOf(single), single] as const)),
    );
    const maxKeys = Math.max(0, ...all.map((subscription) => subscription.maxKeys));
    const common = { maxKeys, seen: new Set<object>(), idOf: (policy: object) => this.#idOf(policy) };
    return [
      ...[...registries].map((registry) => ({ ...common, registry, meters: this.#meters.get(registry) })),
      ...[...degradations].map((degradation) => ({ id: this.#idOf(degradation), degradation })),
      ...[...contexts].map((source) => ({ id: this.#idOf(source), contexts: source })),
      ...[...singles.values()].map((single) => ({ id: this.#idOf(single.source), single })), // (2)
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

function hasDurations({ recorder }: Subscription): boolean {
  return recorder.boundsMs.length > 0;
}

function listOf<K, V>(map: Map<K, V[]>, key: K): V[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}
