/**
 * Cancelling: has a statement stopped, and makes sure that nobody else is hit.
 *
 *   ask ──► wait until that request is over ──► settled ───────────────────────► quiet
 *    ▲                                      └─► not yet: wait a little ─┐
 *    └──────────────────────────────────────────────────────────────────┘   graceMs over ──► gave up
 *
 * A request can come before its statement has begun, and then does nothing; so it is sent again until the statement settles.
 * It can come after its statement is done, and then hits the next one; so the connection is kept from everybody until no
 * request is under way.
 *
 * Invariants
 *  (1) It is quiet only when the statement has settled and no request is under way.
 *  (2) One request is under way at a time.
 *  (3) It ends within `graceMs`; who gave up must destroy the connection.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import type { CancelRequest } from './cancel-request.ts';

/** What is to be stopped. */
export interface Cancelling {
  readonly clock: Clock;
  /** Resolves when the statement has settled. Never rejects. */
  readonly settled: Promise<void>;
  /** Sends a request; undefined where none can be sent. */
  readonly ask: () => CancelRequest | undefined;
  /** Milliseconds from now. */
  readonly graceMs: number;
}

/** Returns whether the connection is quiet; false when it must be destroyed. Never rejects. */
export async function cancelUntilQuiet({ clock, settled, ask, graceMs }: Cancelling): Promise<boolean> {
  let isSettled = false;
  const noted = note(settled, () => (isSettled = true));
  const grace = delay(clock, graceMs);
  try {
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
      const request = ask();
      if (request !== undefined && !(await isFirst(request.closed, grace.over))) {
        request.giveUp();
        return false; // (3)
      }
      if (isSettled) return true; // (1)
      const pause = delay(clock, waitMs);
      const goesOn = await isFirst(Promise.race([noted, pause.over]), grace.over);
      pause.cancel();
      if (isSettled) return true;
      if (!goesOn) return false; // (3)
    }
  } finally {
    grace.cancel();
  }
}

// --- internal ---

async function note(settled: Promise<void>, noteIt: () => void): Promise<void> {
  await settled;
  noteIt();
}

/** Wait before a request is sent again: long enough for the first to do its work, and doubled each time. */
const firstWaitMs = 20;
const longestWaitMs = 500;

/** A wait by a clock. */
interface Delay {
  readonly over: Promise<void>;
  cancel(): void;
}

/** Starts a wait of `ms` milliseconds. */
function delay(clock: Clock, ms: number): Delay {
  let timer: { cancel(): void } | undefined;
  const over = new Promise<void>((resolve) => {
    timer = clock.setTimer(resolve, ms);
  });
  return { over, cancel: () => timer?.cancel() };
}

/** Whether `one` comes before `other`. */
async function isFirst(one: Promise<unknown>, other: Promise<unknown>): Promise<boolean> {
  return Promise.race([one.then(() => true), other.then(() => false)]);
}
