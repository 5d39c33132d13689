/**
 * Member message: what the processes of the fleet are told, and what they tell.
 *
 * @module
 */

import type { CircuitState, SharingExplanation } from '@holdfast/core';

/** What a process knows at its start. */
export interface MemberPlan {
  readonly name: string;
  readonly callsPerSecond: number;
  readonly dependencyUrl: string;
  readonly redisUrl: string;
  readonly namespace: string;
}

/** What a process is told. */
export type ToMember =
  /** From now on its own network path is broken, or no longer. */
  { readonly kind: 'sick'; readonly isSick: boolean } | { readonly kind: 'end' };

/** How a process is. Counts are since its start. */
export interface MemberStatus {
  readonly state: CircuitState;
  readonly fleet: SharingExplanation;
  /** Whether the store answers. */
  readonly mode: 'shared' | 'local';
  readonly counts: CallCounts;
  /** The longest time that the breaker has kept a call from running, or from being refused, since the last status. Milliseconds. */
  readonly worstMs: number;
}

/** Calls of a process. */
export interface CallCounts {
  readonly asked: number;
  /** Those that the breaker did not decide upon at once, in the same turn of the event loop: there should be none. */
  readonly waited: number;
  readonly refused: number;
  readonly failed: number;
  /** Errors that neither the dependency nor the circuit has caused: there should be none. */
  readonly strange: number;
}

/** A circuit has changed its state. */
export interface StateChange {
  readonly to: CircuitState;
  /** Whether it opened by its own calls, before the fleet had. */
  readonly isOwn: boolean;
  /** When, on a clock that all processes of this machine have in common. Milliseconds. */
  readonly at: number;
}

/** What a process tells. */
export type FromMember =
  | { readonly kind: 'status'; readonly status: MemberStatus }
  | { readonly kind: 'changed'; readonly change: StateChange };

/** Milliseconds on a clock that all processes of this machine have in common. */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
