/**
 * Brownout fleet: the level of many processes as one, by votes. Pure; how votes travel is a port.
 *
 * A process that is worse off than the others stays at its own level; one that is better off follows the others.
 *
 * Invariants
 *  (1) Fewer than `minVotes` fresh votes give no level of the fleet.
 *  (2) Fewer than half of the voters, lying or sick, cannot move the median outside of what the others vote.
 *
 * Source: the median has the breakdown point 1/2: A General Qualitative Definition of Robustness, F. R. Hampel, Annals of
 * Mathematical Statistics 42 (6), 1971, https://doi.org/10.1214/aoms/1177693054.
 * Deviation: none; another quantile may be asked for.
 *
 * @module
 */

import { inRange, integerInRange, withKnown } from '@holdfast/core';

/** What one process says. */
export interface LevelVote {
  /** Name of the process; of several votes of one, the youngest counts. */
  readonly node: string;
  /** Its level by its own signals, 0 or more. */
  readonly level: number;
  /** How old the vote is. Milliseconds. */
  readonly ageMs: number;
}

/** Where votes are put and read, without waiting: from memory, as of the last exchange. */
export interface LevelBallot {
  /**
   * Tells the others the level that this process has by its own signals: not the one in force, so that a level cannot keep
   * itself up in a circle. Must not throw.
   */
  cast(level: number): void;
  /** The votes of all, this process included. Must not throw. */
  votes(): readonly LevelVote[];
}

/** Options of {@link fleetLevel}. Omitted ones take {@link fleetLevelDefaults}. */
export interface FleetLevelOptions {
  /** Share of the votes that lie at or below the level; 0.5 is the median. 0 to 1. @defaultValue 0.5 */
  readonly quantileRatio?: number;
  /** Votes without which there is no level of the fleet. Integer, 1 to 100 000. @defaultValue 3 */
  readonly minVotes?: number;
  /** Age from which a vote does not count. Milliseconds, 1 to 600 000. @defaultValue 5000 */
  readonly maxVoteAgeMs?: number;
}

/** Every default of {@link fleetLevel}, in one place. */
export const fleetLevelDefaults: Required<FleetLevelOptions> = Object.freeze({
  quantileRatio: 0.5,
  minVotes: 3,
  maxVoteAgeMs: 5000,
});

/**
 * Returns the level of the fleet; undefined where too few have voted. By nearest rank, the lower one of two in the middle.
 *
 * @throws ConfigError when an option is out of range.
 */
export function fleetLevel(votes: readonly LevelVote[], options: FleetLevelOptions = {}): number | undefined {
  const { quantileRatio, minVotes, maxVoteAgeMs } = withKnown('fleetLevel', fleetLevelDefaults, options);
  inRange('fleetLevel.quantileRatio', quantileRatio, [0, 1]);
  integerInRange('fleetLevel.minVotes', minVotes, [1, 100_000]);
  inRange('fleetLevel.maxVoteAgeMs', maxVoteAgeMs, [1, 600_000]);
  const levels = [...youngest(votes, maxVoteAgeMs).values()].map(({ level }) => level).toSorted((a, b) => a - b);
  if (levels.length < minVotes) return undefined; // (1)
  return levels[Math.max(0, Math.ceil(quantileRatio * levels.length) - 1)]; // (2)
}

// --- internal ---

function youngest(votes: readonly LevelVote[], maxVoteAgeMs: number): Map<string, LevelVote> {
  const found = new Map<string, LevelVote>();
  for (const vote of votes) {
    const isVote = vote.level >= 0 && vote.level < Infinity && vote.ageMs < maxVoteAgeMs;
    const known = found.get(vote.node);
    if (isVote && (known === undefined || vote.ageMs < known.ageMs)) found.set(vote.node, vote);
  }
  return found;
}
