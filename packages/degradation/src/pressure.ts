/**
 * Pressure: several signals as one number, the worst of them, with the reason kept.
 *
 * Invariants
 *  (1) The pressure is that of the worst signal, never a mean; of two that are equal, the one that is trusted more is named.
 *  (2) Signals that only confirm are in `holding`, and never in the pressure that raises.
 *  (3) Where no signal is known that could raise, there is no pressure to tell, which is not the same as none.
 *
 * Source: Overload manager, Envoy documentation, 2024,
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/overload_manager/overload_manager: an action takes
 * the greatest value of its triggers.
 * Deviation: signals that only confirm, with a value of their own.
 *
 * @module
 */

import { type Readings, type SignalName, type SignalRanges, pressureOf, signalNames } from './signal.ts';

/** What one signal says. */
export interface SignalPressure {
  readonly signal: SignalName;
  /** The reading, in the signal's own unit. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** 0 or more; 1 at `high`. */
  readonly pressure: number;
}

/** What all signals say together. */
export interface Pressure {
  /** The worst of those that may raise the level; undefined where none is known. */
  readonly worst: SignalPressure | undefined;
  /** All that are known, in the order in which they are trusted. */
  readonly signals: readonly SignalPressure[];
}

/** Combines readings by the worst of them. Signals without a range are left out. Cost: constant. */
export function combinePressure(readings: Readings, ranges: Partial<SignalRanges>): Pressure {
  const signals = signalNames.flatMap((signal) => one(signal, readings[signal], ranges));
  let worst: SignalPressure | undefined;
  for (const each of signals) {
    const mayRaise = ranges[each.signal]?.raises === true; // (2)
    if (mayRaise && (worst === undefined || each.pressure > worst.pressure)) worst = each; // (1)
  }
  return { worst, signals };
}

/** Returns until when the level may not fall because of what the signals say at `now`; `before` where they say nothing. */
export function heldUntil(
  before: number,
  { signals }: Pressure,
  { now, ranges, above }: { readonly now: number; readonly ranges: Partial<SignalRanges>; readonly above: number },
): number {
  let until = before;
  for (const { signal, pressure } of signals)
    if (pressure > above) until = Math.max(until, now + (ranges[signal]?.holdMs ?? 0)); // (2)
  return until;
}

// --- internal ---

function one(signal: SignalName, value: number | undefined, ranges: Partial<SignalRanges>): SignalPressure[] {
  const range = ranges[signal];
  const pressure = range === undefined ? undefined : pressureOf(value, range);
  if (range === undefined || pressure === undefined) return [];
  return [{ signal, value: value as number, low: range.low, high: range.high, pressure }];
}
