/**
 * Call limits: the options that the clients have in common, and their check.
 *
 * @module
 */

import { ConfigError, type Context, inRange, type Policy } from '@holdfast/core';

/** What a call goes through, and how long it may take. */
export interface CallLimits {
  readonly policy?: Policy<unknown>;
  /** Of a whole call. Milliseconds, 1 to Infinity. */
  readonly timeoutMs: number;
  /** With less left, nothing is sent. Milliseconds, 0 to 600 000. */
  readonly minTimeLeftMs: number;
}

/** @throws ConfigError when one is not valid; `place` says whose. */
export function checkCallLimits(place: string, { policy, timeoutMs, minTimeLeftMs }: CallLimits): void {
  if (policy !== undefined && typeof (policy as Partial<Policy> | null)?.execute !== 'function')
    throw new ConfigError(`${place}.policy`, 'a policy', policy);
  inRange(`${place}.timeoutMs`, timeoutMs, [1, Infinity]);
  checkMinTimeLeft(place, minTimeLeftMs);
}

/** @throws ConfigError when it is out of range; `place` says whose. */
export function checkMinTimeLeft(place: string, minTimeLeftMs: number): void {
  inRange(`${place}.minTimeLeftMs`, minTimeLeftMs, [0, 600_000]);
}

/** Returns `context`, or one below it that lasts no longer than `timeoutMs`. */
export function boundedBy(context: Context, timeoutMs: number): Context {
  return timeoutMs === Infinity ? context : context.withTimeout(timeoutMs);
}
