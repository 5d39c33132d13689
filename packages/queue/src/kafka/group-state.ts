/**
 * Group state: which partitions are this consumer's, as far as that can be known, and since when.
 *
 *   none ── joined(assignment) ─► assigned ── interrupt(error): a rebalance ─► uncertain ── joined ─► assigned
 *                                    │                                            └─ no word in time ─► lost
 *                                    └─ no sign of the group in time, or it does not know us ─────────► lost
 *
 * A partition that is in the assignment before and after a rebalance lives on, and so do its handlers. While it is uncertain
 * nobody else has it: the group waits for all of its members, or for `rebalanceTimeoutMs`.
 *
 * Invariants
 *  (1) A partition that the new assignment does not have is ended, at once; one that it has in both lives on.
 *  (2) Where the group has gone on without this consumer, or may have, all partitions are ended.
 *  (3) What was begun before an assignment is not current after it: nothing is committed that began under another one.
 *
 * @module
 */

import type { Clock, Context, Timer } from '@holdfast/core';

import { type PartitionEnd, PartitionEndedError } from './kafka-error.ts';
import { type PartitionPlace, PartitionWork } from './partition-work.ts';

/** What a group state is made of. */
export interface GroupParts {
  readonly name: string;
  readonly clock: Clock;
  readonly context: Context;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** Told of each partition that was ended. */
  readonly onEnded: (reason: PartitionEnd) => void;
}

/** The partitions of one consumer. */
export class GroupState {
  /** Goes up with each assignment. */
  generation = 0;
  readonly #parts: GroupParts;
  readonly #works = new Map<string, PartitionWork>();
  readonly #frames = new Set<(error: unknown) => void>();
  #memberId: string | undefined = undefined;
  #timer: Timer | undefined = undefined;

  constructor(parts: GroupParts) {
    this.#parts = parts;
  }

  /** Partitions that are in hand. */
  get size(): number {
    return this.#works.size;
  }

  /** The work of a partition, which there is from its assignment on. */
  workOf(place: PartitionPlace): PartitionWork {
    const key = keyOf(place);
    const known = this.#works.get(key);
    if (known !== undefined && !known.context.cancelled) return known;
    const work = new PartitionWork(place, this.#parts.context);
    this.#works.set(key, work);
    return work;
  }

  /** The work of a partition, if it is in hand. */
  known(place: PartitionPlace): PartitionWork | undefined {
    return this.#works.get(keyOf(place));
  }

  /** The group has given this member these partitions. Under another id it is a new member: it has lost what it had. */
  joined(memberId: string, assigned: readonly PartitionPlace[]): void {
    const isSameMember = this.#memberId === undefined || this.#memberId === memberId;
    this.#memberId = memberId;
    this.generation++; // (3)
    const kept = new Set(assigned.map(keyOf));
    for (const [key, work] of this.#works) {
      if (!isSameMember) this.#end(work, 'lost');
      else if (!kept.has(key)) this.#end(work, 'revoked'); // (1)
      else work.resume();
    }
    for (const place of assigned) this.workOf(place);
    this.heard();
  }

  /** A sign of the group: it still counts on this member. */
  heard(): void {
    this.#expect(this.#parts.sessionTimeoutMs);
  }

  /** Ends what waits for handlers in this generation with `error`, so that the client can join again; handlers go on. */
  interrupt(error: unknown): void {
    if (isExpelled(error)) this.endAll('lost'); // (2)
    else this.#expect(this.#parts.rebalanceTimeoutMs);
    for (const stop of this.#frames) stop(error);
    this.#frames.clear();
  }

  /** Makes `stop` be called with the error of the next interruption. Returns what ends that. */
  onInterrupt(stop: (error: unknown) => void): () => void {
    this.#frames.add(stop);
    return () => this.#frames.delete(stop);
  }

  /** Ends one partition, for good. */
  endOne(place: PartitionPlace, reason: PartitionEnd): void {
    const work = this.#works.get(keyOf(place));
    if (work !== undefined) this.#end(work, reason);
  }

  /** Ends all partitions. */
  endAll(reason: PartitionEnd): void {
    this.#timer?.cancel();
    for (const work of this.#works.values()) this.#end(work, reason);
  }

  // --- internal ---

  #end(work: PartitionWork, reason: PartitionEnd): void {
    this.#works.delete(keyOf(work));
    this.#parts.onEnded(reason);
    work.end(new PartitionEndedError(this.#parts.name, work, reason));
  }

  /** Waits for a sign of the group, and takes it for lost when there is none. */
  #expect(withinMs: number): void {
    this.#timer?.cancel();
    if (this.#works.size === 0) return;
    this.#timer = this.#parts.clock.setTimer(() => this.endAll('lost'), withinMs); // (2)
    this.#timer.unref();
  }
}

// --- internal ---

function keyOf({ topic, partition }: PartitionPlace): string {
  return `${partition}/${topic}`;
}

/** Whether the group says that it goes on without this member. */
function isExpelled(error: unknown): boolean {
  const { type } = (error ?? {}) as { readonly type?: unknown };
  return type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION' || type === 'FENCED_INSTANCE_ID';
}
