/**
 * Wall clock: the calendar time, for what another process computes with: the instant at which a job is to be taken up again.
 *
 * @module
 */

/** Returns the calendar time in milliseconds since 1970, UTC. It may jump. */
export type WallClock = () => number;

/** The platform's calendar. */
// oxlint-disable-next-line no-restricted-globals -- the default of the option, read when called
export const systemWallClock: WallClock = () => Date.now();
