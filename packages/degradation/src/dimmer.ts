/**
 * Dimmer: the share of requests that get one expensive feature at its best, steered so that a measured value keeps to its
 * target.
 *
 * Use it for a single feature whose cost dominates, with a latency or a utilisation as the value. For many features that are
 * given up in an order, use a brownout level.
 *
 * Invariants
 *  (1) The share is between 0 and 1, and falls while the value is above its target and rises while it is below.
 *  (2) Nothing winds up: after any time at 0 or at 1, the first value on the other side of the target moves the share.
 *  (3) More than `maxShedRatio` refused counts as the greatest error, whatever the value: a limit hides the load behind it.
 *  (4) A key that is served at its best at some share is so at every greater one.
 *
 * Source: Brownout: Building More Robust Cloud Applications, C. Klein, M. Maggio, K.-E. Årzén, F. Hernández-Rodriguez,
 * ICSE 2014, https://doi.org/10.1145/2568225.2568227; the velocity form of an integral controller, Advanced PID Control,
 * K. J. Åström and T. Hägglund, ISA, 2006, section 3.5.
 * Deviation: it falls faster than it rises, and the error is bounded on both sides.
 * Cost: constant; the share and the time of the last value are all its state.
 *
 * @module
 */

import { ConfigError, inRange, withKnown } from '@holdfast/core';

import { bucketOf } from './targeting.ts';

/** Options of {@link createDimmer}. Omitted ones take {@link dimmerDefaults}. */
export interface DimmerOptions {
  /** What the value should be where it is a latency. Milliseconds, above 0, up to 1 000 000. Either this or the next. */
  readonly targetMs?: number;
  /** What the value should be where it is a utilisation. Above 0, up to 1. */
  readonly targetRatio?: number;
  /** How fast the share rises while the value is at 0. Share a second, 0.001 to 10. @defaultValue 0.08 */
  readonly raisePerSecond?: number;
  /** How fast the share falls while the value is twice its target. Share a second, 0.001 to 10. @defaultValue 0.4 */
  readonly lowerPerSecond?: number;
  /** Share of refused requests from which the error is the greatest. 0 to 1. @defaultValue 0.01 */
  readonly maxShedRatio?: number;
}

/** Every default of {@link createDimmer}, in one place. */
export const dimmerDefaults: Required<Omit<DimmerOptions, 'targetMs' | 'targetRatio'>> = Object.freeze({
  raisePerSecond: 0.08,
  lowerPerSecond: 0.4,
  maxShedRatio: 0.01,
});

/** What a dimmer is told. */
export interface DimmerReading {
  /** The value that has a target; undefined where there were no requests, which counts as 0. */
  readonly value: number | undefined;
  /** Refused requests as a share of those that came. 0 to 1. */
  readonly shedRatio?: number | undefined;
}

/** The share of requests at its best. */
export interface Dimmer {
  /** 0 to 1; 1 is normal. */
  readonly share: number;
  /** Takes a reading of the instant `now`. Milliseconds of any clock that does not go back; what is not finite is ignored. */
  observe(reading: DimmerReading, now: number): void;
  /** Whether to serve `key` at its best. */
  isBright(key: string): boolean;
}

/**
 * Creates a dimmer that serves everybody at its best. One instance per feature.
 *
 * @throws ConfigError at creation, when an option is missing or out of range.
 */
export function createDimmer(options: DimmerOptions): Dimmer {
  const { target, ...rules } = resolve(options);
  let share = 1;
  let observedAt: number | undefined;
  return {
    get share() {
      return share;
    },
    observe({ value, shedRatio }, now) {
      if (!Number.isFinite(now)) return; // it would never go away again
      const elapsedMs = observedAt === undefined ? FIRST_STEP_MS : Math.min(Math.max(now - observedAt, 0), MAX_STEP_MS);
      observedAt = now;
      const error = (shedRatio ?? 0) > rules.maxShedRatio ? -MAX_ERROR : errorOf(value ?? 0, target); // (3)
      const perSecond = error < 0 ? rules.lowerPerSecond : rules.raisePerSecond;
      share = Math.min(Math.max(share + (perSecond * error * elapsedMs) / 1000, 0), 1); // (1), (2)
    },
    isBright: (key) => bucketOf('dimmer', key) < share, // (4)
  };
}

// --- internal ---

/** What the error is at most while the value is too great; 1 while it is too small. */
const MAX_ERROR = 2;
const FIRST_STEP_MS = 250;
/** The longest time that one reading stands for. */
const MAX_STEP_MS = 1000;

function errorOf(value: number, target: number): number {
  if (!Number.isFinite(value)) return value === Infinity ? -MAX_ERROR : 0;
  return Math.min(Math.max((target - value) / target, -MAX_ERROR), 1);
}

function resolve(options: DimmerOptions) {
  const resolved = withKnown('dimmer', dimmerDefaults, options, ['targetMs', 'targetRatio']);
  const { targetMs, targetRatio } = resolved;
  if (targetMs !== undefined && targetRatio !== undefined)
    throw new ConfigError('dimmer.targetRatio', 'omitted where targetMs is given', targetRatio);
  if (targetRatio !== undefined) inRange('dimmer.targetRatio', targetRatio, [Number.EPSILON, 1]);
  else inRange('dimmer.targetMs', targetMs, [Number.EPSILON, 1_000_000]);
  inRange('dimmer.raisePerSecond', resolved.raisePerSecond, [0.001, 10]);
  inRange('dimmer.lowerPerSecond', resolved.lowerPerSecond, [0.001, 10]);
  inRange('dimmer.maxShedRatio', resolved.maxShedRatio, [0, 1]);
  return { ...resolved, target: (targetRatio ?? targetMs) as number };
}
