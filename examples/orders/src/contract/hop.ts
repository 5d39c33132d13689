/**
 * Hop: one piece of the way of a request, told when it is over: who did what for whom, how much time was left, and how it ended.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import { type Origin, originOf } from './order-context.ts';

/** One hop. */
export interface Hop extends Origin {
  /** `gateway`, `orders`, `inventory`, `sql`, `audit`. */
  readonly layer: string;
  /** Reference of the order; empty where it is not known. */
  readonly orderRef: string;
  /** Time that was left when it began. Milliseconds; Infinity where there was no deadline. */
  readonly leftMs: number;
  /** When it ended, on a clock that all processes of this machine have in common. Milliseconds. */
  readonly endedAt: number;
  readonly tookMs: number;
  readonly outcome: string;
}

/** Told of hops. */
export type TellHop = (hop: Hop) => void;

/** Milliseconds on a clock that all processes of this machine have in common. */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** What is known of a hop when it begins. */
export interface HopStart {
  readonly layer: string;
  readonly orderRef: string;
}

/** Runs `work` as a hop, and tells it: `done`, or what it failed with. */
export async function asHop<T>(
  { layer, orderRef, tell }: HopStart & { readonly tell: TellHop },
  context: Context,
  work: () => Promise<T>,
): Promise<T> {
  const leftMs = context.remainingMs();
  const begunAt = machineMs();
  let outcome = 'done';
  try {
    return await work();
  } catch (error) {
    outcome = outcomeOf(error, context);
    throw error;
  } finally {
    const endedAt = machineMs();
    tell({ ...originOf(context), layer, orderRef, leftMs, endedAt, tookMs: endedAt - begunAt, outcome });
  }
}

// --- internal ---

/** How something ended that failed under a context, in a word. */
function outcomeOf(error: unknown, context: Context): string {
  if (context.endedBy === 'deadline') return 'deadline';
  if (context.endedBy === 'cancel') return 'cancelled';
  return error instanceof Error ? error.name : 'failed';
}
