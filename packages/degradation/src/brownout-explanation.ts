/**
 * Brownout explanation: why the level is what it is, for people and for programs.
 *
 * @module
 */

import type { ShownLevel } from './brownout-display.ts';
import { type BrownoutMeasure, measuresAt } from './brownout-feature.ts';
import type { LevelDecision, LevelRules, LevelState } from './brownout-level.ts';
import type { SignalPressure } from './pressure.ts';

/** Why the level is what it is. Instants are those that `observe` was told. */
export interface BrownoutExplanation {
  /** The level in force, with fractions. */
  readonly level: number;
  /** The level by this process's own signals. */
  readonly localLevel: number;
  /** The level of the fleet as it was last told; undefined where it was not. */
  readonly fleetLevel: number | undefined;
  /** The whole level that is shown, and since when; undefined where it has never been another one. */
  readonly shownLevel: number;
  readonly shownSince: number | undefined;
  /** Since when the level has been above 0; undefined while it is 0. */
  readonly since: number | undefined;
  /** The worst of the signals that may raise the level, with its value and thresholds; undefined where none is known. */
  readonly worst: SignalPressure | undefined;
  /** All signals that are known. */
  readonly signals: readonly SignalPressure[];
  /** Pressure from which the level rises, and up to which it falls. */
  readonly minRaisePressure: number;
  readonly maxLowerPressure: number;
  /** What the last observation did. */
  readonly decision: LevelDecision;
  /** What is done at this level besides serving less, the mildest first. */
  readonly measures: readonly BrownoutMeasure[];
  /** All of it in one line. */
  readonly text: string;
}

/** What an explanation is made of. */
export interface ExplainedLevel {
  readonly state: LevelState;
  readonly level: number;
  readonly shown: ShownLevel;
  readonly since: number | undefined;
  readonly fleetLevel: number | undefined;
  readonly rules: LevelRules;
}

/** Explains a level. */
export function explainLevel({ state, level, shown, since, fleetLevel, rules }: ExplainedLevel): BrownoutExplanation {
  const { minRaisePressure, maxLowerPressure, maxLevel } = rules;
  const { worst, signals } = state.pressure;
  const told = { level, localLevel: state.pace.level, fleetLevel, since, worst, decision: state.decision };
  return {
    ...told,
    shownLevel: shown.level,
    shownSince: shown.since === Number.NEGATIVE_INFINITY ? undefined : shown.since,
    signals,
    minRaisePressure,
    maxLowerPressure,
    measures: measuresAt(level, maxLevel),
    text: lineOf(told, state.observedAt, rules),
  };
}

// --- internal ---

type Told = Pick<BrownoutExplanation, 'level' | 'localLevel' | 'fleetLevel' | 'since' | 'worst' | 'decision'>;

function lineOf(
  { level, localLevel, since, worst, decision }: Told,
  now: number | undefined,
  rules: LevelRules,
): string {
  const age = since === undefined || now === undefined ? '' : ` for ${figure((now - since) / 1000)} s`;
  const reason =
    worst === undefined
      ? 'no signal is known'
      : `${worst.signal} is ${figure(worst.value)} of ${worst.low} to ${worst.high}, pressure ${figure(worst.pressure)}`;
  const band = `rises from ${rules.minRaisePressure}, falls up to ${rules.maxLowerPressure}`;
  const follows = level > localLevel ? '; follows the fleet' : '';
  return `level ${figure(level)} of ${rules.maxLevel}${age}, ${decision}: ${reason} (${band})${follows}`;
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}
