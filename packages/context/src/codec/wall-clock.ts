/**
 * Wall clock: the calendar time by which an absolute deadline of another host is understood.
 *
 * @module
 */

/** Returns milliseconds since 1970, UTC. It may jump, and differs from host to host. */
export type WallClock = () => number;

/** The platform's calendar. */
// oxlint-disable-next-line no-restricted-globals -- the default of the option, read when called
export const systemWallClock: WallClock = () => Date.now();
