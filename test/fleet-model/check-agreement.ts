/**
 * What is checked when the faults have stopped, or the ledger is away for long: I7, I13.
 *
 * @module
 */

import type { Ruling } from '@holdfast/core/fleet';

import { adoptedBy } from './check-nodes.ts';
import { LONG_AWAY_MS } from './faults.ts';
import type { LedgerView } from './ledger-view.ts';
import type { ModelProcess } from './model-process.ts';
import type { Plan } from './plan.ts';
import { holds } from './violation.ts';
import type { WatchedCircuit } from './watched-circuit.ts';

/** I7: every node goes by what the ledger has ruled, and every breaker is what its node goes by. */
export function checkI7Agreement(processes: readonly ModelProcess[], rulings: readonly Ruling[]): void {
  for (const process of processes) {
    const now = process.clock.now();
    for (const { circuit, breaker } of process.all) {
      const ruled = rulings.find(({ id }) => id === circuit.id);
      const adopted = adoptedBy(circuit, now);
      const isSame = (ruled?.epoch ?? 0) === adopted.epoch && isState(circuit.known.state(now), ruled);
      holds(
        'I7',
        isSame,
        () => `${process.name} goes by ${JSON.stringify(adopted)}, and the ledger by ${JSON.stringify(ruled)}`,
      );
      if (circuit.own !== undefined) continue;
      const state = circuit.known.state(now);
      const shown = state === 'open' && circuit.known.remainingMs(now) <= 0 ? 'half-open' : state;
      holds(
        'I7',
        breaker.state === shown,
        () => `the breaker of ${process.name} is ${breaker.state}, and ${circuit.id} is ${shown}`,
      );
    }
  }
}

/** Waits for all circuits to close. */
export class Recovery {
  private readonly plan: Plan;
  private readonly from: number;
  private readonly notClosed: readonly Ruling[];

  constructor(plan: Plan, from: number, rulings: readonly Ruling[]) {
    this.plan = plan;
    this.from = from;
    this.notClosed = rulings.filter(({ state }) => state === 'open' || state === 'half-open');
  }

  /** Whether all circuits are closed. */
  isOver(view: LedgerView): boolean {
    return this.notClosed.every(({ id }) => view.rulings.get(id)?.state === 'closed');
  }

  /** I13: with the time that is left, the leases that may live, the probes that may be lost and a poll, a circuit closes that is well. */
  checkI13(view: LedgerView, at: number): void {
    const { probeLeaseMs, maxOpenForMs } = this.plan.breaker;
    const mostMs = maxOpenForMs + (this.plan.maxLostProbes + 2) * probeLeaseMs + POLL_MS;
    const what = (): string => `${JSON.stringify([...view.rulings.values()])} after ${at - this.from} ms`;
    holds('I13', at - this.from <= mostMs || this.isOver(view), what);
  }
}

/** What nodes with demand must have done when the ledger has been away for long. */
export class LoneDemand {
  private readonly waiting: readonly { process: ModelProcess; watched: WatchedCircuit; epoch: number; count: number }[];

  constructor(processes: readonly ModelProcess[], ms: number) {
    this.waiting = processes.flatMap((process) =>
      [...process.all].flatMap((watched) => {
        const { known, own } = watched.circuit;
        const isOpen = known.toRuling(0).state === 'open' && own === undefined && process.state === 'up';
        const epoch = known.epoch;
        return isOpen && ms >= LONG_AWAY_MS && !process.isQuiet
          ? [{ process, watched, epoch, count: watched.loneCount }]
          : [];
      }),
    );
  }

  /** I13: each of them has probed by itself, or has heard of another ruling. */
  checkI13(isAway: boolean): void {
    for (const { process, watched, epoch, count } of this.waiting) {
      const isOther = watched.circuit.known.epoch !== epoch || watched.circuit.own !== undefined;
      if (!isAway || process.state !== 'up' || isOther || !process.isAwakeFor(LONG_AWAY_MS - 2) || process.isQuiet)
        continue;
      holds('I13', watched.loneCount > count, () => `${process.name} has not probed ${watched.circuit.id} by itself`);
    }
  }
}

// --- internal ---

function isState(state: Ruling['state'], ruled: Ruling | undefined): boolean {
  return state === (ruled?.state ?? 'closed');
}

/** Between two polls, with as much to spare for claims that wait for their turn. Milliseconds. */
const POLL_MS = 5000;
