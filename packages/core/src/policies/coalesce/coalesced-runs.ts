/**
 * Coalesced runs: the shared runs of one policy, by key; and under `observe`, the runs that calls would have shared.
 *
 * The numbers in comments are those of the invariants in coalesce.ts.
 *
 * @module
 */

import type { Enforcement } from '../../kernel/description.ts';
import type { Events } from '../../kernel/events.ts';
import { type Arrival, type Sink, invoke } from '../../kernel/handler.ts';
import { ProvenanceNote, noteIn, withNote, withoutNote } from '../../kernel/provenance.ts';
import { SharedRun } from '../../kernel/shared-run.ts';

/** A call joined the run of another. */
export interface CoalesceSharedEvent {
  readonly type: 'coalesce.shared';
  readonly policy: 'coalesce';
  readonly name: string;
  /** `observe` where it would have joined. */
  readonly enforcement: 'enforce' | 'observe';
  readonly key: string;
}

/** A coalesce policy at one instant. All counts but `inFlight` are since it was created. */
export interface CoalesceSnapshot {
  readonly enforcement: Enforcement;
  readonly maxKeys: number;
  /** Shared runs under way: one per key. */
  readonly inFlight: number;
  /** Shared runs started. */
  readonly runs: number;
  /** Calls that joined the run of another. */
  readonly shared: number;
  /** Calls that ran by themselves because `maxKeys` runs were under way. */
  readonly overflowed: number;
  /** Shared runs that ended because all who waited for them had left. */
  readonly abandoned: number;
  /** Calls that would have joined the run of another, under `observe`. */
  readonly observed: number;
}

/** What is counted. */
export interface RunCounts {
  runs: number;
  shared: number;
  overflowed: number;
  abandoned: number;
  observed: number;
}

/** Who owns the runs. */
export interface RunsOwner {
  readonly name: string;
  readonly events: Events;
}

/** Counts, and finds runs by their keys. */
export class CoalescedRuns {
  /** At most so many runs are shared at once. */
  maxKeys: number;
  readonly underWay: Map<string, CoalescedRun> = new Map();
  readonly counts: RunCounts = { runs: 0, shared: 0, overflowed: 0, abandoned: 0, observed: 0 };
  private readonly owner: RunsOwner;
  /** The runs of calls under `observe`, that others would have joined. */
  private readonly observedRuns = new Map<string, ObservedRun>();

  constructor(owner: RunsOwner, maxKeys: number) {
    this.owner = owner;
    this.maxKeys = maxKeys;
  }

  /** Runs a call with a key, or lets it join the run that is under way. */
  share(key: string, arrival: Arrival, now: number): void {
    const { inner, operation, context, sink } = arrival;
    const run = this.underWay.get(key);
    if (run === undefined && this.underWay.size < this.maxKeys) {
      this.start(key, arrival, now);
    } else if (run === undefined || run.includes(context)) {
      if (run === undefined) this.counts.overflowed++;
      inner(operation, context, sink, now); // (5)
    } else if (run.admitCall(arrival, now)) {
      this.counts.shared++;
      this.tell('enforce', key);
    }
  }

  /** Runs a call, and counts whether it would have joined another. */
  observe(key: string, arrival: Arrival, now: number): void {
    const { inner, operation, context, sink } = arrival;
    if (this.observedRuns.has(key)) {
      this.counts.observed++;
      this.tell('observe', key);
    } else if (this.observedRuns.size < this.maxKeys) {
      const run = new ObservedRun(this.observedRuns, key, sink);
      this.observedRuns.set(key, run);
      inner(operation, context, run, now);
      return;
    } else {
      this.counts.overflowed++;
    }
    inner(operation, context, sink, now);
  }

  snapshot(enforcement: Enforcement): CoalesceSnapshot {
    const { maxKeys } = this;
    return { enforcement, maxKeys, inFlight: this.underWay.size, ...this.counts };
  }

  private start(key: string, arrival: Arrival, now: number): void {
    const run = new CoalescedRun(this, key, arrival);
    if (!run.admitCall(arrival, now)) return;
    this.underWay.set(key, run); // (1)
    this.counts.runs++;
    run.start(run.note === undefined ? arrival.operation : withoutNote(arrival.operation), now);
  }

  private tell(enforcement: 'enforce' | 'observe', key: string): void {
    const { name, events } = this.owner;
    if (!events.active) return;
    const event: CoalesceSharedEvent = { type: 'coalesce.shared', policy: 'coalesce', name, enforcement, key };
    events.emit(event);
  }
}

// --- internal ---

/** A run for a key, and what the layers inside gave in place of the operation's value. */
class CoalescedRun extends SharedRun {
  /** Where they write that; undefined where there are none. All who share the run are told, whoever started it. */
  readonly note: ProvenanceNote | undefined;
  private readonly counts: RunCounts;

  constructor({ underWay, counts }: CoalescedRuns, key: string, arrival: Arrival) {
    const note = arrival.inner === invoke ? undefined : new ProvenanceNote();
    super(underWay, key, note === undefined ? arrival : { ...arrival, context: withNote(arrival.context, note) });
    this.note = note;
    this.counts = counts;
  }

  /** A call that waits for this run and, if its caller asks, hears where the value came from. */
  admitCall(arrival: Arrival, now: number): boolean {
    const { note } = this;
    const asked = note === undefined ? undefined : noteIn(arrival.context);
    if (note === undefined || asked === undefined) return this.admit(arrival, now);
    return this.admit({ ...arrival, sink: new AskingCall(note, asked, arrival.sink) }, now);
  }

  override leave(...left: Parameters<SharedRun['leave']>): void {
    const wasSettled = this.settled;
    super.leave(...left);
    if (this.settled && !wasSettled) this.counts.abandoned++;
  }
}

/** A call whose caller asks where the value came from. */
class AskingCall implements Sink {
  private readonly note: ProvenanceNote;
  private readonly asked: ProvenanceNote;
  private readonly sink: Sink;

  constructor(note: ProvenanceNote, asked: ProvenanceNote, sink: Sink) {
    this.note = note;
    this.asked = asked;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.asked.provenance = this.note.provenance;
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.sink.refuse(error, now);
  }
}

/** The run of a call under `observe`: others with its key would have joined it until it reports. */
class ObservedRun implements Sink {
  private readonly observedRuns: Map<string, ObservedRun>;
  private readonly key: string;
  private readonly sink: Sink;

  constructor(observedRuns: Map<string, ObservedRun>, key: string, sink: Sink) {
    this.observedRuns = observedRuns;
    this.key = key;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.observedRuns.delete(this.key);
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.observedRuns.delete(this.key);
    this.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.observedRuns.delete(this.key);
    this.sink.refuse(error, now);
  }
}
