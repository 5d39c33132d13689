/**
 * Traffic: the calls of a simulated world, and how well its dependencies are.
 *
 * @module
 */

import type { Agenda } from './agenda.ts';
import type { ModelProcess } from './model-process.ts';
import type { Plan } from './plan.ts';

/** What traffic is made of. */
export interface TrafficParts {
  readonly plan: Plan;
  readonly agenda: Agenda;
  readonly random: () => number;
}

/** All calls. */
export class Traffic {
  private readonly parts: TrafficParts;
  private readonly failing = new Set<string>();
  /** Whether there are calls at all, and whether they hang, fail by chance and come to nothing. */
  isOn = true;
  isStormy = false;

  constructor(parts: TrafficParts) {
    this.parts = parts;
  }

  /** A dependency breaks, or is well again. */
  toggle(circuit: string): void {
    if (!this.failing.delete(circuit)) this.failing.add(circuit);
  }

  /** All dependencies break. */
  breakAll(): void {
    for (const circuit of this.parts.plan.circuits) this.failing.add(circuit);
  }

  /** All dependencies are well. */
  mend(): void {
    this.failing.clear();
  }

  /** Lets calls come to a process for as long as it lives. */
  begin(process: ModelProcess): void {
    for (const id of this.parts.plan.circuits) this.next(process, id);
  }

  /** Calls come while a lease is in hand: there is demand, or it would not have been asked for. */
  useLeases(process: ModelProcess): void {
    const { plan, agenda, random } = this.parts;
    for (const id of plan.circuits) {
      if (process.watched(id)?.pool.held.length === 0 || random() < 0.3) continue;
      agenda.after((random() * plan.breaker.probeLeaseMs) / 3, () => this.call(process, id));
    }
  }

  // --- internal ---

  private next(process: ModelProcess, id: string): void {
    const { plan, agenda, random } = this.parts;
    agenda.after(-Math.log(1 - random()) * plan.callEveryMs, () => {
      if (process.state === 'dead') return;
      this.next(process, id);
      if (!process.isQuiet) this.call(process, id);
    });
  }

  private call(process: ModelProcess, id: string): void {
    if (this.isOn && process.state === 'up' && !process.isLeaving) process.deliver(() => this.run(process, id));
  }

  private run(process: ModelProcess, id: string): void {
    const call = process.watched(id)?.call();
    if (call === undefined) return;
    const { agenda, random } = this.parts;
    agenda.after(this.durationMs(call.isProbe), () => {
      const failureRatio = this.failing.has(id) || process.isSick ? 0.95 : this.isStormy ? 0.03 : 0;
      const isIgnored = this.isStormy && random() < 0.04;
      const outcome = isIgnored ? 'ignored' : random() < failureRatio ? 'failure' : 'success';
      process.deliver(() => call.settle(outcome));
    });
  }

  /** Calls are quick, but some hang; in a storm probes take as long as their lease, and half as much again. */
  private durationMs(isProbe: boolean): number {
    const { plan, random } = this.parts;
    if (this.isStormy && isProbe) return random() * plan.breaker.probeLeaseMs * 1.4;
    const isHung = this.isStormy && random() < 0.02;
    return isHung ? 2000 + random() * 6000 : 2 + random() ** 3 * 400;
  }
}
