/**
 * Service source: the little that metrics need to know about a brownout, outboxes, background work, what is supervised and
 * pools of SQL connections.
 *
 * All are described by shape, read and never changed, so that anything with these numbers fits: those of `@holdfast/degradation`,
 * `@holdfast/redis`, `@holdfast/service` and `@holdfast/sql` do.
 *
 * @module
 */

/** A brownout at one instant. */
export interface BrownoutReading {
  /** The level that holds. 0 is normal. */
  readonly level: number;
  /** The level that this process would choose by itself. */
  readonly localLevel: number;
  readonly maxLevel: number;
  /** What each known signal comes to: 0 no pressure, 1 its upper threshold. */
  readonly signals: readonly { readonly signal: string; readonly pressure: number }[];
}

/** What tells the level of a service. */
export interface BrownoutSource {
  readonly name: string;
  readonly level: number;
  readonly localLevel: number;
  readonly maxLevel: number;
  /** Called once per reading. */
  explain(): { readonly signals: BrownoutReading['signals'] };
}

/** What is in an outbox. */
export interface OutboxReading {
  /** Items that wait for their turn. */
  readonly waiting: number;
  /** Items that somebody has taken and not settled. */
  readonly taken: number;
  /** Items that wait for a person. */
  readonly dead: number;
  /** Time since the first in line came. Milliseconds; undefined where there is none, or that is not known. */
  readonly firstAgeMs?: number | undefined;
}

/** What holds deferred work. Its answers may take time, and are waited for, for a second, before a reading goes on. */
export interface OutboxSource {
  count(): OutboxReading | Promise<OutboxReading>;
  firstAgeMs?(): number | undefined | Promise<number | undefined>;
}

/** Background work at one instant. */
export interface TrackerReading {
  readonly running: number;
  readonly overdue: number;
  readonly oldestAgeMs: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly refused: number;
  readonly abandoned: number;
}

/** What counts background work. */
export interface TrackerSource {
  status(): TrackerReading;
}

/** Something supervised at one instant. */
export interface SupervisorReading {
  /** `running`, or what it does in place of that. */
  readonly state: string;
  readonly runs: number;
  readonly crashes: number;
  readonly isSafeMode: boolean;
}

/** What restarts something that has crashed. */
export interface SupervisorSource {
  status(): SupervisorReading;
}

/** A pool of SQL connections at one instant; what is not about now counts since it was made. */
export interface SqlReading {
  readonly checkedOut: number;
  readonly waiting: number;
  readonly gaveUpWaiting: number;
  readonly stopped: number;
  readonly cancelRequests: number;
  readonly dropped: number;
}

/** What hands out SQL connections. */
export interface SqlSource {
  counts(): SqlReading;
}
