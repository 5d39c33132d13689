/**
 * Plan: what one simulated world is like: how large its times are, how its nodes decide, how bad its network is.
 *
 * @module
 */

import type { CircuitWindow } from '@holdfast/core/circuit-breaker';

/** One world. Times in milliseconds. */
export interface Plan {
  readonly nodeCount: number;
  readonly circuits: readonly string[];
  readonly quorum: number;
  readonly mode: 'ruling' | 'window';
  readonly ballotTtlMs: number;
  readonly holdOffMs: number;
  readonly maxLostProbes: number;
  /** How much the rate of a node's clock differs from that of the ledger's, at most, as a share. */
  readonly rateError: number;
  /** Time for which a node waits for a reply. */
  readonly timeoutMs: number;
  /** Mean time between the calls of one node on one circuit. */
  readonly callEveryMs: number;
  /** Mean time between faults. */
  readonly faultEveryMs: number;
  readonly breaker: BreakerPlan;
}

/** How breakers decide: options of `circuitBreaker`. */
interface BreakerPlan {
  readonly window: CircuitWindow;
  readonly minimumCalls: number;
  readonly failureRatio: number;
  readonly openForMs: number;
  readonly openBackoffRatio: number;
  readonly maxOpenForMs: number;
  readonly maxProbes: number;
  readonly probeSuccessRatio: number;
  readonly probeLeaseMs: number;
  readonly rampUpMs: number;
}

/** Draws a world. `random` returns numbers from 0 to 1, 1 excluded. */
export function drawPlan(random: () => number): Plan {
  const pick = <T>(...all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const mode = pick<Plan['mode']>('ruling', 'ruling', 'window');
  const timeWindow = { kind: 'time', durationMs: pick(1000, 2000, 5000), bucketCount: 10 } as const;
  return {
    nodeCount: pick(5, 5, 3),
    circuits: ['prices', 'stock/eu', 'mail', 'search'].slice(0, pick(2, 2, 4)),
    quorum: pick(1, 2),
    mode,
    ballotTtlMs: pick(2000, 10_000),
    holdOffMs: pick(1500, 5000),
    maxLostProbes: pick(1, 3),
    rateError: pick(0.01, 0.05),
    timeoutMs: pick(250, 1000, 5000),
    callEveryMs: pick(120, 300, 600),
    faultEveryMs: pick(250, 600, 1500),
    breaker: {
      window: mode === 'window' || random() < 0.7 ? timeWindow : { kind: 'count', size: 10 },
      minimumCalls: pick(2, 3, 5),
      failureRatio: 0.5,
      openForMs: pick(150, 500, 2000),
      openBackoffRatio: pick(1, 2),
      maxOpenForMs: 4000,
      maxProbes: pick(1, 1, 2, 3),
      probeSuccessRatio: pick(0.5, 1),
      probeLeaseMs: pick(400, 1000, 2500),
      rampUpMs: pick(0, 0, 500),
    },
  };
}

/** Successes that close the circuit: S. */
export function neededSuccesses({ breaker }: Plan): number {
  return Math.max(1, Math.ceil(breaker.probeSuccessRatio * breaker.maxProbes));
}

/** Failures that open it again: F. */
export function neededFailures(plan: Plan): number {
  return plan.breaker.maxProbes - neededSuccesses(plan) + 1;
}

/** How far back evidence may be. Milliseconds; Infinity where calls are counted whenever they were. */
export function evidenceSpanMs({ breaker: { window } }: Plan): number {
  return window.kind === 'time' ? window.durationMs : Infinity;
}
