/**
 * Wall clock: the calendar time that people read. No decision depends on it.
 *
 * @module
 */

import { reportHookError } from '@holdfast/core';

/** Returns the calendar time in milliseconds since 1970, UTC. It may jump; it is shown, never computed with. */
export type WallClock = () => number;

/** The platform's calendar. */
// oxlint-disable-next-line no-restricted-globals -- the default of the option, read when called; only people see it
export const systemWallClock: WallClock = () => Date.now();

/** Makes a clock that always tells a time: where `wallClock` throws, or tells none, that is reported, and it is 1970. */
export function steadyWallClock(wallClock: WallClock): WallClock {
  return () => {
    try {
      const timeMs: unknown = wallClock();
      if (typeof timeMs === 'number' && Math.abs(timeMs) <= MAX_TIME_MS) return timeMs;
      throw new TypeError('wallClock must return milliseconds since 1970');
    } catch (error) {
      reportHookError('admin.wallClock', error, 'admin');
      return 0;
    }
  };
}

/** Writes a calendar time in ISO 8601, UTC. What is beyond what a calendar has is written as its end. */
export function isoTimeOf(timeMs: number): string {
  // oxlint-disable-next-line no-restricted-globals -- formats the time that was handed in; reads no clock
  return new Date(Math.min(Math.max(timeMs, -MAX_TIME_MS), MAX_TIME_MS)).toISOString();
}

// --- internal ---

/** 100 million days around 1970; see ECMA-262, "Time Values and Time Range". */
const MAX_TIME_MS = 8.64e15;
