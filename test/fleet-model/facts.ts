/**
 * Facts: what has really happened in a simulated world, in its own time, which nobody in it can read. The checks compare with
 * it what nodes and ledger believe.
 *
 * @module
 */

import type { Ruling } from '@holdfast/core/fleet';

import type { Plan } from './plan.ts';
import { Violation } from './violation.ts';

/** How a node came to open by itself. Milliseconds of the world. */
export interface TripFact {
  readonly at: number;
  /** The oldest outcome that it can rest on; also by the clock of the node, which may have stood still. */
  readonly oldestAt: number;
  readonly oldestByClock: number;
  readonly openMs: number;
}

/** What has happened. */
export class Facts {
  readonly plan: Plan;
  private readonly births = new Map<string, number>();
  /** By `<node> <circuit> <epoch>`: the latest opening of a node under a ruling. */
  readonly trips = new Map<string, TripFact>();
  /** By node: how long its clock has stood still, which it cannot know: its evidence is older by as much than it believes. */
  readonly stoodMs = new Map<string, number>();
  /** The same of nodes that had not heard of the ledger before: no time of it tells them that theirs has stood. */
  readonly stoodUnheardMs = new Map<string, number>();
  /** Names of leases that a call has taken. */
  readonly taken = new Set<string>();
  /** What a check has found so far. */
  violation: Violation | undefined = undefined;
  /** Told when a node has opened by itself. */
  onTrip: (node: string) => void = () => {};
  /** How often what the world is about has happened. */
  readonly counts = new Map<string, number>();

  constructor(plan: Plan) {
    this.plan = plan;
  }

  /** When a ruling was born: when the ledger first told its epoch. Milliseconds of the world; -Infinity for what was never ruled. */
  bornAt({ id, epoch }: Pick<Ruling, 'id' | 'epoch'>, now: number): number {
    if (epoch === 0) return Number.NEGATIVE_INFINITY;
    const key = `${id} ${epoch}`;
    const known = this.births.get(key);
    if (known !== undefined) return known;
    this.births.set(key, now);
    return now;
  }

  /** Checks something inside of what is tested, which would take an error for one of its own. */
  check(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.violation ??= error;
    }
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }
}

/** How far the clocks of two servers of a ledger may differ: what a birth may be wrong by. Milliseconds. */
export const MAX_SKEW_MS = 1000;
