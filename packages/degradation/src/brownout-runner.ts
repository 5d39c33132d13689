/**
 * Brownout runner: observes at regular times on a clock, until it is stopped.
 *
 * Invariants
 *  (1) It has one timer at a time, which never keeps a process alive, and none after stop().
 *  (2) A function of yours that throws or rejects is reported and does not end it; one that is asked for something and throws,
 *      or answers with a promise, counts as knowing nothing.
 *
 * @module
 */

import {
  callHook,
  type Clock,
  ConfigError,
  ignoreRejection,
  isFunction,
  reportHookError,
  systemClock,
  withKnown,
} from '@holdfast/core';

import type { BrownoutExplanation } from './brownout-explanation.ts';
import { type FleetLevelOptions, type LevelBallot, fleetLevel } from './brownout-fleet.ts';
import type { Brownout } from './brownout.ts';
import type { Readings } from './signal.ts';

/** Options of {@link runBrownout}. */
export interface BrownoutRunnerOptions {
  /** Returns what is known now, at once: a promise counts as knowing nothing. Called once per sample with the clock's time. */
  readonly read: (now: number) => Readings;
  /** Hands the level on after each sample, for example to `setLevel` of a degradation. A promise is not waited for. */
  readonly apply?: (level: number, explanation: BrownoutExplanation) => unknown;
  /** Joins the level of a fleet; omitted, the process is on its own. */
  readonly ballot?: LevelBallot;
  /** How votes become a level. */
  readonly fleet?: FleetLevelOptions;
  /** Source of time; by default the platform's. */
  readonly clock?: Clock;
}

/** A brownout that is being observed. */
export interface BrownoutRunner {
  /** Ends it: the level stays as it is. Idempotent. */
  stop(): void;
}

/**
 * Observes `brownout` every `sampleMs` from now on.
 *
 * @throws ConfigError when `brownout` is none, `read` or a method of the ballot no function, or an option out of range.
 */
export function runBrownout(brownout: Brownout, options: BrownoutRunnerOptions): BrownoutRunner {
  const resolved = withKnown('brownoutRunner', { clock: systemClock }, options, ['read', 'apply', 'ballot', 'fleet']);
  if (typeof brownout?.observe !== 'function')
    throw new ConfigError('brownoutRunner.brownout', 'what createBrownout returns', brownout);
  isFunction('brownoutRunner.read', resolved.read);
  if (resolved.apply !== undefined) isFunction('brownoutRunner.apply', resolved.apply);
  for (const method of resolved.ballot === undefined ? [] : (['cast', 'votes'] as const))
    isFunction(`brownoutRunner.ballot.${method}`, resolved.ballot?.[method]);
  fleetLevel([], resolved.fleet); // checks the options
  return start(brownout, resolved);
}

// --- internal ---

type Resolved = BrownoutRunnerOptions & { readonly clock: Clock };

function start(brownout: Brownout, parts: Resolved): BrownoutRunner {
  const { clock } = parts;
  let isStopped = false;
  let timer = next();
  function next() {
    const set = clock.setTimer(tick, brownout.sampleMs);
    set.unref(); // (1)
    return set;
  }
  function tick(): void {
    sample(brownout, parts);
    if (!isStopped) timer = next();
  }
  return {
    stop() {
      isStopped = true;
      timer.cancel(); // (1)
    },
  };
}

function sample(brownout: Brownout, { clock, read, apply, ballot, fleet }: Resolved): void {
  const now = clock.now();
  const readings = contained(brownout, 'read', () => read(now)) ?? {};
  const votes = contained(brownout, 'ballot', () => ballot?.votes()) ?? [];
  const level = contained(brownout, 'ballot', () => ballot && fleetLevel(votes, fleet));
  brownout.observe(readings, now, level);
  callHook('apply', brownout.name, () => apply?.(brownout.level, brownout.explain())); // (2)
  callHook('ballot', brownout.name, () => ballot?.cast(brownout.localLevel));
}

/** Returns what `ask` returns; undefined where it throws, or returns a promise. */
function contained<T>(brownout: Brownout, hook: string, ask: () => T): T | undefined {
  try {
    const answer = ask();
    if (!(answer instanceof Promise)) return answer;
    ignoreRejection(answer);
    throw new TypeError(`${hook} must answer at once, got a promise`);
  } catch (error) {
    reportHookError(hook, error, brownout.name); // (2)
    return undefined;
  }
}
