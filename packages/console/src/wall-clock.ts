/**
 * Wall clock: the calendar time that people read. No decision depends on it.
 *
 * @module
 */

/** Returns the calendar time in milliseconds since 1970, UTC. It may jump; it is shown, never computed with. */
export type WallClock = () => number;

/** The platform's calendar. */
// oxlint-disable-next-line no-restricted-globals -- the default of the option, read when called; only people see it
export const systemWallClock: WallClock = () => Date.now();

/** Writes a calendar time in ISO 8601, UTC. What is no time is written as the year 1970. */
export function isoTimeOf(timeMs: number): string {
  const isTime = Number.isFinite(timeMs) && Math.abs(timeMs) <= 8.64e15;
  // oxlint-disable-next-line no-restricted-globals -- formats the time that was handed in; reads no clock
  return new Date(isTime ? timeMs : 0).toISOString();
}
