/**
 * Story: what happens to the shop, act by act, and what the operator does about it.
 *
 *   healthy ─► slow ─► dead ─► operator ─► recovery ─► rush ─► calm ─► healthy again, where the story goes round
 *
 * Acts are shares of the story's length, so that it can be told in eight seconds as well as in a minute.
 *
 * @module
 */

import type { Endpoint } from './downstream.ts';
import type { Fault } from './faults.ts';

/** One act. */
export interface Act {
  readonly name: string;
  /** What there is to see, in one line. */
  readonly title: string;
  /** Share of the story that it takes, 0 to 1. */
  readonly shareRatio: number;
  readonly faults: Partial<Record<Endpoint, Fault>>;
  /** How many times as many shoppers come as otherwise. By default 1. */
  readonly crowd?: number;
  /** What the operator does when the act begins. */
  readonly operation?: 'switch-recommendations';
}

/** Where the story is. */
export interface Scene {
  readonly act: Act;
  /** Number of the act, from 0. */
  readonly index: number;
  /** How often the story has been told before. */
  readonly round: number;
}

const slowPrices: Fault = { latencyMs: [300, 1700], slowBodyRatio: 0.1 };
const deadRecommender: Fault = { hangRatio: 0.6, resetRatio: 0.4 };
const failingPayments: Fault = { errorRatio: 0.7, slowBodyRatio: 0.3 };

/** All acts, in order. Their shares add up to 1. */
export const acts: readonly Act[] = Object.freeze([
  { name: 'healthy', title: 'everything works', shareRatio: 0.1, faults: {} },
  {
    name: 'slow',
    title: 'prices take 0.3 to 1.7 s, some in slow bodies',
    shareRatio: 0.16,
    faults: { price: slowPrices },
  },
  {
    name: 'dead',
    title: 'recommendations hang or reset, payments answer 503',
    shareRatio: 0.16,
    faults: { recommendations: deadRecommender, payment: failingPayments },
  },
  {
    name: 'operator',
    title: 'an operator switches recommendations to cached, until the act ends',
    shareRatio: 0.14,
    faults: { recommendations: deadRecommender },
    operation: 'switch-recommendations',
  },
  {
    name: 'recovery',
    title: 'all is repaired; the override expires and is taken back in steps',
    shareRatio: 0.14,
    faults: {},
  },
  { name: 'rush', title: 'three times as many shoppers come', shareRatio: 0.15, faults: {}, crowd: 3 },
  { name: 'calm', title: 'as many as ever; the level falls, user by user', shareRatio: 0.15, faults: {} },
]);

/** Time in which the story is told when the run has no end. Milliseconds. */
const ROUND_MS = 60_000;

/** Length of the story in a run of `forMs`. Milliseconds. */
export function storyMsOf(forMs: number | undefined): number {
  return forMs ?? ROUND_MS;
}

/** Whether something is broken downstream. */
export function hasFaults(act: Act): boolean {
  return Object.keys(act.faults).length > 0;
}

/** Tells where a story of `durationMs` is after `elapsedMs`. After its end it begins again. */
export function sceneAt(elapsedMs: number, durationMs: number): Scene {
  const round = Math.floor(elapsedMs / durationMs);
  let rest = elapsedMs / durationMs - round;
  for (const [index, act] of acts.entries()) {
    if (rest < act.shareRatio) return { act, index, round };
    rest -= act.shareRatio;
  }
  const index = acts.length - 1; // what rounding left over
  return { act: acts[index] as Act, index, round };
}
