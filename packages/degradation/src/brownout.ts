/**
 * Brownout: gives up optional work by a fractional level while the process has more to do than it can, and tells why.
 *
 * Use it for what a service can leave out. Do not use it instead of refusing work: pressure that nothing relieves needs a
 * limit as well, and the share that the limit refuses is the best signal of all.
 *
 * Invariants
 *  (1) It reads no clock and sets no timer: what it knows is what `observe` was told.
 *  (2) `level`, `levelFor` and `explain` are synchronous, from memory, and never throw.
 *  (3) Unless pressure is severe, no key's level changes twice within `dwellMs`, whatever the fleet says.
 *  (4) The level of the fleet raises the level in force and is not in `localLevel`, which is what other processes are told.
 *
 * Source: Brownout: Building More Robust Cloud Applications, C. Klein, M. Maggio, K.-E. Årzén, F. Hernández-Rodriguez,
 * ICSE 2014, https://doi.org/10.1145/2568225.2568227.
 * Deviation: see brownout-level.ts and brownout-pace.ts.
 *
 * @module
 */

import { ConfigError, type Events, createEvents, inRange, integerInRange, isName, withKnown } from '@holdfast/core';

import { levelFor } from './brownout-bucket.ts';
import { type ShownLevel, showLevel, shownAtRest } from './brownout-display.ts';
import { type BrownoutExplanation, explainLevel } from './brownout-explanation.ts';
import { type LevelRules, type LevelState, levelAtRest, observePressure } from './brownout-level.ts';
import { type Pace, move, paceAtRest } from './brownout-pace.ts';
import { MAX_LEVEL } from './level-map.ts';
import { combinePressure } from './pressure.ts';
import { type Readings, type SignalRangeChanges, resolveRanges } from './signal.ts';

/** Options of {@link createBrownout}. Omitted ones take {@link brownoutDefaults}. */
export interface BrownoutOptions {
  /** Names this instance in events. @defaultValue 'brownout' */
  readonly name?: string;
  /** The highest level. Integer, 1 to 4: a catalogue knows no higher one. @defaultValue 4 */
  readonly maxLevel?: number;
  /** Pressure from which the level rises. 0 to 1. @defaultValue 0.25 */
  readonly minRaisePressure?: number;
  /** Pressure up to which the level falls. 0 to 1, below `minRaisePressure`. @defaultValue 0.1 */
  readonly maxLowerPressure?: number;
  /** Pressure that adds whole levels; 1 is a signal at its upper threshold. 1 to 1000. @defaultValue 5 */
  readonly minSeverePressure?: number;
  /** How fast the level rises at pressure 1. Levels a second, 0.01 to 10. @defaultValue 1.2 */
  readonly raiseLevelsPerSecond?: number;
  /** How fast the level falls. Levels a second, 0.001 to 10. @defaultValue 0.1 */
  readonly lowerLevelsPerSecond?: number;
  /** How long pressure is severe before each whole level. Milliseconds, 0 to 60 000. @defaultValue 500 */
  readonly severeForMs?: number;
  /** The shortest time between two changes for one key, and of what is shown. Milliseconds, 0 to 600 000. @defaultValue 10_000 */
  readonly dwellMs?: number;
  /** The time that the first observation stands for, and between two of a runner. Milliseconds, 10 to 60 000. @defaultValue 500 */
  readonly sampleMs?: number;
  /** How long the level holds without any reading before it falls. Milliseconds, 0 to 600 000. @defaultValue 30_000 */
  readonly maxBlindMs?: number;
  /** Thresholds that differ from `signalRanges`; false leaves a signal out. */
  readonly signals?: SignalRangeChanges;
  /** Where `brownout.shown` is told; by default a place of its own. */
  readonly events?: Events;
}

/** Every default of {@link createBrownout}, in one place. */
export const brownoutDefaults: Required<Omit<BrownoutOptions, 'signals' | 'events'>> = Object.freeze({
  name: 'brownout',
  maxLevel: 4,
  minRaisePressure: 0.25,
  maxLowerPressure: 0.1,
  minSeverePressure: 5,
  raiseLevelsPerSecond: 1.2,
  lowerLevelsPerSecond: 0.1,
  severeForMs: 500,
  dwellMs: 10_000,
  sampleMs: 500,
  maxBlindMs: 30_000,
});

/** Another whole level is shown. */
export interface BrownoutShownEvent {
  readonly type: 'brownout.shown';
  readonly policy: 'brownout';
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** The level in force, with fractions. */
  readonly level: number;
  /** Why, in one line. */
  readonly reason: string;
}

/** A level of brownout. */
export interface Brownout {
  readonly name: string;
  readonly maxLevel: number;
  readonly sampleMs: number;
  readonly events: Events;
  /** The level in force, with fractions. 0 to `maxLevel`; 0 is normal. */
  readonly level: number;
  /** The level by this process's own signals: what to tell the fleet. */
  readonly localLevel: number;
  /** The whole level for people, headers and alerts. */
  readonly shownLevel: number;
  /**
   * Takes readings of the instant `now`, in milliseconds of any clock that does not go back; and the fleet's level if known. An
   * instant that is no finite number is ignored with its readings, and such a level of the fleet counts as not known.
   */
  observe(readings: Readings, now: number, fleetLevel?: number): void;
  /** Returns the whole level at which to handle a request of `key`: the same one for the same key and level. */
  levelFor(key: string): number;
  /** Tells the level, the signal behind it, its value and thresholds, what was decided and since when. */
  explain(): BrownoutExplanation;
}

/**
 * Creates a brownout at level 0. One instance per process, or per group of features with dependencies of their own.
 *
 * @throws ConfigError at creation, when an option is out of range or thresholds are in the wrong order.
 * @throws TypeError at creation, when there is no such option or signal.
 *
 * @example
 * ```ts
 * const brownout = createBrownout();
 * brownout.observe({ shedRatio: 0.03 }, clock.now());
 * const level = brownout.levelFor(user.id);
 * ```
 */
export function createBrownout(options: BrownoutOptions = {}): Brownout {
  return new LiveBrownout(resolve(options));
}

// --- internal ---

interface Resolved {
  readonly name: string;
  readonly events: Events;
  readonly rules: LevelRules;
}

class LiveBrownout implements Brownout {
  readonly name: string;
  readonly events: Events;
  private readonly rules: LevelRules;
  private state: LevelState = levelAtRest;
  private applied: Pace = paceAtRest;
  private fleetLevel: number | undefined = undefined;
  private hasFleet = false;
  private shown: ShownLevel = shownAtRest;
  private since: number | undefined = undefined;

  constructor({ name, events, rules }: Resolved) {
    this.name = name;
    this.events = events;
    this.rules = rules;
  }

  get maxLevel(): number {
    return this.rules.maxLevel;
  }

  get sampleMs(): number {
    return this.rules.sampleMs;
  }

  get level(): number {
    return this.applied.level;
  }

  get localLevel(): number {
    return this.state.pace.level;
  }

  get shownLevel(): number {
    return this.shown.level;
  }

  observe(readings: Readings, now: number, fleetLevel?: number): void {
    if (!Number.isFinite(now)) return; // it would never go away again
    const before = this.state;
    this.state = observePressure(before, combinePressure(readings, this.rules.ranges), now, this.rules);
    const isSevere = this.state.pace !== before.pace && this.state.severeSince === now;
    this.fleetLevel = Number.isFinite(fleetLevel) ? fleetLevel : undefined;
    this.hasFleet ||= this.fleetLevel !== undefined;
    this.applied = this.hasFleet ? this.follow(now, isSevere) : this.state.pace;
    this.since = this.level > 0 ? (this.since ?? now) : undefined;
    this.show(now);
  }

  levelFor(key: string): number {
    return levelFor(key, this.level);
  }

  explain(): BrownoutExplanation {
    const { state, applied, shown, since, fleetLevel, rules } = this;
    return explainLevel({ state, level: applied.level, shown, since, fleetLevel, rules });
  }

  /** Moves the level in force towards the worse of its own and that of the fleet, at the same pace. */
  private follow(now: number, isSevere: boolean): Pace {
    const target = Math.max(this.localLevel, this.fleetLevel ?? 0); // (4)
    return move(this.applied, target - this.applied.level, { now, limits: this.rules, isSevere }); // (3)
  }

  private show(now: number): void {
    const before = this.shown;
    this.shown = showLevel(before, this.level, now, this.rules.dwellMs);
    if (this.shown === before || !this.events.active) return;
    const { name, level } = this;
    const event: BrownoutShownEvent = {
      type: 'brownout.shown',
      policy: 'brownout',
      name,
      from: before.level,
      to: this.shown.level,
      level,
      reason: this.explain().text,
    };
    this.events.emit(event);
  }
}

function resolve(options: BrownoutOptions): Resolved {
  const resolved = withKnown('brownout', brownoutDefaults, options, ['signals', 'events']);
  isName('brownout.name', resolved.name);
  integerInRange('brownout.maxLevel', resolved.maxLevel, [1, MAX_LEVEL]);
  for (const [option, range] of Object.entries(RANGES))
    inRange(`brownout.${option}`, resolved[option as keyof typeof RANGES], range);
  const { minRaisePressure, maxLowerPressure } = resolved;
  if (maxLowerPressure >= minRaisePressure)
    throw new ConfigError(
      'brownout.maxLowerPressure',
      `below minRaisePressure (${minRaisePressure})`,
      maxLowerPressure,
    );
  const { name, events = createEvents(), signals = {}, ...numbers } = resolved;
  return { name, events, rules: { ...numbers, ranges: resolveRanges('brownout.signals', signals) } };
}

const RANGES = Object.freeze({
  minRaisePressure: [0, 1],
  maxLowerPressure: [0, 1],
  minSeverePressure: [1, 1000],
  raiseLevelsPerSecond: [0.01, 10],
  lowerLevelsPerSecond: [0.001, 10],
  severeForMs: [0, 60_000],
  dwellMs: [0, 600_000],
  sampleMs: [10, 60_000],
  maxBlindMs: [0, 600_000],
} as const);
