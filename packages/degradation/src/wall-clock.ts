/**
 * Wall clock: the calendar time that people read in statuses and in the audit trail. No decision depends on it.
 *
 * @module
 */

import { ConfigError } from '@holdfast/core';

/** Returns the calendar time in milliseconds since 1970, UTC. It may jump; it is shown, never computed with. */
export type WallClock = () => number;

/** The platform's calendar. */
// oxlint-disable-next-line no-restricted-globals -- the default of the option, read when called; only people see it
export const systemWallClock: WallClock = () => Date.now();

/** Whether `timeMs` is a time that {@link toIsoTime} can write. */
export function isCalendarTime(timeMs: unknown): timeMs is number {
  return typeof timeMs === 'number' && Math.abs(timeMs) <= MAX_CALENDAR_TIME_MS;
}

/** Reads `wallClock`. Throws a ConfigError when that tells no time. */
export function requireCalendarTime(wallClock: WallClock): number {
  const time = wallClock();
  if (isCalendarTime(time)) return time;
  throw new ConfigError('degradation.wallClock()', 'milliseconds since 1970', time);
}

/** Writes a calendar time in ISO 8601, UTC; undefined for one that no calendar has. */
export function toIsoTime(timeMs: number): string | undefined {
  // oxlint-disable-next-line no-restricted-globals -- formats the time that was handed in; reads no clock
  return isCalendarTime(timeMs) ? new Date(timeMs).toISOString() : undefined;
}

// --- internal ---

/** 100 million days around 1970; see ECMA-262, "Time Values and Time Range". */
const MAX_CALENDAR_TIME_MS = 8.64e15;
