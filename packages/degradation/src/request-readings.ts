/**
 * Request readings: what requests get while not all of them get the same, each combination of grounds decided once.
 *
 *   request ─► which overrides are for it, and where the level puts it ─► known? the same reading ─► else decide, and keep it
 *
 * Invariants
 *  (1) A request gets what would be decided for it alone.
 *  (2) Readings of equal grounds are one object, which nobody can change.
 *  (3) At most `MAX_KEPT` readings are kept, however many combinations there are.
 *
 * Cost: a hash of the key per seed, and nothing is made once a combination is known.
 *
 * @module
 */

import { type LevelMap, positionAtLevel } from './level-map.ts';
import { type LiveOverride, isFor } from './live-override.ts';
import type { Reading } from './reading.ts';
import { type Target, bucketOf } from './targeting.ts';

/** What is the same for all requests, until something changes. */
export interface RequestGrounds {
  readonly live: readonly LiveOverride[];
  readonly onLevel: LevelMap;
  readonly level: number;
  /** Decides what those get for whom these overrides are, at this position by the level. */
  readonly decide: (overrides: readonly LiveOverride[], levelPosition: number) => Reading;
}

/** Readings by request. Made anew when anything changes. */
export class RequestReadings {
  readonly #grounds: RequestGrounds;
  readonly #known = new Map<number, Reading>();

  constructor(grounds: RequestGrounds) {
    this.#grounds = grounds;
  }

  /** Returns the reading of a request; one without a key is in bucket `keyless`. */
  of(request: Target | undefined, keyless: number): Reading {
    const { live, onLevel, level, decide } = this.#grounds;
    const key = request?.key;
    const levelPosition =
      level === 0 ? 0 : positionAtLevel(onLevel, level, key === undefined ? keyless : bucketOf('level', key));
    if (live.length > MAX_MASKED)
      return decide(
        live.filter((one) => isFor(one, request, keyless)),
        levelPosition,
      );
    let mask = levelPosition;
    for (let index = 0; index < live.length; index++)
      if (isFor(live[index] as LiveOverride, request, keyless)) mask += POSITIONS * 2 ** index;
    return this.#known.get(mask) ?? this.#keep(mask, levelPosition); // (1)
  }

  #keep(mask: number, levelPosition: number): Reading {
    const { live, decide } = this.#grounds;
    const chosen = Math.floor(mask / POSITIONS);
    const wishes = live.filter((_one, index) => Math.floor(chosen / 2 ** index) % 2 === 1);
    const reading = Object.freeze(decide(wishes, levelPosition)); // (2)
    if (this.#known.size >= MAX_KEPT) this.#known.clear(); // (3)
    this.#known.set(mask, reading);
    return reading;
  }
}

// --- internal ---

/** Readings that are kept. */
const MAX_KEPT = 256;

/** Modes that a mask has room for. */
const POSITIONS = 4096;

/** Overrides that a mask has room for, besides a position: together they are less than 2 ** 53. */
const MAX_MASKED = 40;
