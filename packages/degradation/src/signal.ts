/**
 * Signals: what tells that a process has more to do than it can, as numbers, and how much pressure each of them is.
 *
 * A reading comes from outside, through a port; this file knows no clock and no platform. Each signal has two thresholds:
 * at `low` the pressure is 0, at `high` it is 1, in between and beyond it is on the straight line through both.
 *
 * Invariants
 *  (1) Pressure is 0 up to `low`, 1 at `high`, and grows with the reading, without an upper end.
 *  (2) A reading that is no finite number of 0 or more is not known, and is no pressure.
 *
 * Source: Overload manager, scaled triggers, Envoy documentation, 2024,
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/overload_manager/overload_manager.
 * Deviation: what lies beyond `high` is told, where Envoy stops at 1, so that a little too much and many times too much differ.
 *
 * @module
 */

import { ConfigError, inRange } from '@holdfast/core';

/** Names of the signals, in the order in which they are trusted. */
export type SignalName =
  | 'shedRatio'
  | 'queueAgeMs'
  | 'loopUtilizationRatio'
  | 'loopStallMs'
  | 'heapRatio'
  | 'sloBurnRate';

/** Readings of a moment. One that is left out, undefined or no number is not known. */
export interface Readings {
  /** Refused requests as a share of those that came, over the last second. 0 to 1. */
  readonly shedRatio?: number | undefined;
  /** How long nine of ten requests waited at most before they were started, over the last second. Milliseconds. */
  readonly queueAgeMs?: number | undefined;
  /** Share of the last second in which the event loop was busy. 0 to 1; says that it is full, not how much too full. */
  readonly loopUtilizationRatio?: number | undefined;
  /** The longest that the event loop stood still in the last second. Milliseconds; a mean would hide it. */
  readonly loopStallMs?: number | undefined;
  /** Memory in use as a share of its limit: that of the heap or of the container, whichever is worse. 0 to 1. */
  readonly heapRatio?: number | undefined;
  /** How many times faster than allowed the error budget is spent. It is slow: it can keep a level and never raises one. */
  readonly sloBurnRate?: number | undefined;
}

/** The two thresholds of a signal, and how long it lasts. */
export interface SignalRange {
  /** Where pressure begins, in the signal's own unit. */
  readonly low: number;
  /** Where pressure is 1. Above `low`. */
  readonly high: number;
  /** Time for which the level does not fall after the signal was last above the lower bound. Milliseconds, 0 to 600 000. */
  readonly holdMs: number;
  /** Whether it may raise the level, or only keep it from falling. */
  readonly raises: boolean;
}

/** The thresholds of all signals. */
export type SignalRanges = Readonly<Record<SignalName, SignalRange>>;

/** What may be said about signals: some thresholds of some; false leaves a signal out. */
export type SignalRangeChanges = { readonly [Name in SignalName]?: Partial<SignalRange> | false | undefined };

/** The thresholds that hold where nothing else is said. */
export const signalRanges: SignalRanges = Object.freeze({
  shedRatio: range(0.001, 0.05),
  queueAgeMs: range(10, 50),
  loopUtilizationRatio: range(0.8, 0.97),
  loopStallMs: range(100, 1000),
  heapRatio: range(0.75, 0.92, { holdMs: 15_000 }),
  sloBurnRate: range(2, 14.4, { raises: false }),
});

/** The names of all signals, those that are trusted most first. */
export const signalNames: readonly SignalName[] = Object.freeze(Object.keys(signalRanges) as SignalName[]);

/** Returns the pressure of a reading: 0 or more, 1 where the signal is at `high`. Undefined where it is not known. */
export function pressureOf(value: unknown, { low, high }: Pick<SignalRange, 'low' | 'high'>): number | undefined {
  if (typeof value !== 'number' || !(value >= 0 && value < Infinity)) return undefined; // (2)
  return Math.max(0, (value - low) / (high - low)); // (1)
}

/**
 * Returns the thresholds with what `changes` says. Signals that it sets to false are not in them.
 *
 * @throws ConfigError when a threshold is out of range, `high` is not above `low`, or a signal is no object.
 * @throws TypeError when there is no such signal or threshold.
 */
export function resolveRanges(place: string, changes: SignalRangeChanges): Partial<SignalRanges> {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes))
    throw new ConfigError(place, 'an object of signals', changes);
  for (const name of Object.keys(changes))
    if (!Object.hasOwn(signalRanges, name))
      throw new TypeError(`${place} has no signal "${name}"; it knows ${signalNames.join(', ')}`);
  const resolved = signalNames
    .filter((name) => changes[name] !== false)
    .map((name) => [name, resolveRange(`${place}.${name}`, signalRanges[name], changes[name] ?? {})] as const);
  return Object.freeze(Object.fromEntries(resolved) as Partial<SignalRanges>);
}

// --- internal ---

function range(low: number, high: number, more: Partial<SignalRange> = {}): SignalRange {
  return Object.freeze({ low, high, holdMs: 0, raises: true, ...more });
}

function resolveRange(place: string, base: SignalRange, changes: unknown): SignalRange {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes))
    throw new ConfigError(place, 'an object with low and high, or false', changes);
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  const unknown = given.find(([key]) => !Object.hasOwn(base, key))?.[0];
  if (unknown !== undefined)
    throw new TypeError(`${place} has no option "${unknown}"; it knows ${Object.keys(base).join(', ')}`);
  const resolved = { ...base, ...Object.fromEntries(given) } as SignalRange;
  inRange(`${place}.low`, resolved.low, [0, Number.MAX_VALUE]);
  inRange(`${place}.high`, resolved.high, [0, Number.MAX_VALUE]);
  inRange(`${place}.holdMs`, resolved.holdMs, [0, 600_000]);
  if (resolved.high <= resolved.low)
    throw new ConfigError(`${place}.high`, `above low (${resolved.low})`, resolved.high);
  if (typeof resolved.raises !== 'boolean') throw new ConfigError(`${place}.raises`, 'true or false', resolved.raises);
  return Object.freeze(resolved);
}
