/**
 * Signal meter: counts what a service admits and refuses, and how long requests waited, as readings of the last second.
 *
 * Invariants
 *  (1) A request counts for between half of `windowMs` and all of it, and is then forgotten without a timer.
 *  (2) The age is one that at least nine of ten requests of that time did not exceed, among the latest 512 of each half.
 *  (3) Before `minRequests` have come in that time, the shed ratio is as if the missing ones had been admitted.
 *
 * Source: rotating halves, `RotatingHistogram`, tower, 2019,
 * https://github.com/tower-rs/tower/blob/master/tower/src/hedge/rotating_histogram.rs.
 * Deviation: ages are kept, not bucketed. Cost: a request constant, a reading that of sorting 1024 numbers.
 *
 * @module
 */

import { integerInRange, inRange, withKnown } from '@holdfast/core';

import type { Readings } from './signal.ts';

/** Options of {@link createSignalMeter}. Omitted ones take {@link signalMeterDefaults}. */
export interface SignalMeterOptions {
  /** Time that a reading tells of, at most. Milliseconds, 10 to 60 000. @defaultValue 1000 */
  readonly windowMs?: number;
  /** Requests below which a few that are refused say little. Integer, 1 to 1 000 000. @defaultValue 20 */
  readonly minRequests?: number;
}

/** Every default of {@link createSignalMeter}, in one place. */
export const signalMeterDefaults: Required<SignalMeterOptions> = Object.freeze({ windowMs: 1000, minRequests: 20 });

/** Counts requests. Instants are milliseconds of any clock that does not go back. */
export interface SignalMeter {
  /** A request was started that had waited for `ageMs`. */
  started(ageMs: number, now: number): void;
  /** A request was refused, or left out since it had waited too long. */
  shed(now: number): void;
  /** Returns the readings of the last second. */
  read(now: number): Required<Pick<Readings, 'shedRatio' | 'queueAgeMs'>>;
}

/**
 * Creates a meter. One instance per place where requests are admitted.
 *
 * @throws ConfigError at creation, when an option is out of range.
 */
export function createSignalMeter(options: SignalMeterOptions = {}): SignalMeter {
  const { windowMs, minRequests } = withKnown('signalMeter', signalMeterDefaults, options);
  inRange('signalMeter.windowMs', windowMs, [10, 60_000]);
  integerInRange('signalMeter.minRequests', minRequests, [1, 1_000_000]);
  let [younger, older] = [emptyHalf(), emptyHalf()];
  let number = Number.NEGATIVE_INFINITY;
  const turn = (now: number): void => {
    const current = Math.floor(now / (windowMs / 2));
    if (current <= number) return;
    [younger, older] = [emptyHalf(), current === number + 1 ? younger : emptyHalf()]; // (1)
    number = current;
  };
  return {
    started(ageMs, now) {
      turn(now);
      younger.ages[younger.started % MAX_AGES] = ageMs; // (2)
      younger.started++;
    },
    shed(now) {
      turn(now);
      younger.shed++;
    },
    read(now) {
      turn(now);
      const shed = younger.shed + older.shed;
      const requests = Math.max(shed + younger.started + older.started, minRequests); // (3)
      return { shedRatio: shed / requests, queueAgeMs: ninthDecile([...younger.ages, ...older.ages]) };
    },
  };
}

// --- internal ---

const MAX_AGES = 512;

interface Half {
  started: number;
  shed: number;
  readonly ages: number[];
}

function emptyHalf(): Half {
  return { started: 0, shed: 0, ages: [] };
}

/** By nearest rank; 0 where there is none. */
function ninthDecile(ages: readonly number[]): number {
  const sorted = ages.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(0.9 * sorted.length) - 1)] ?? 0;
}
