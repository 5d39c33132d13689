/**
 * Service level: how far this process is browned out, as its controllers last said.
 *
 * Invariants
 *  (1) A level that is not renewed in time is 0 again: a controller that died degrades nothing for ever.
 *
 * @module
 */

import { FeatureError, show } from './feature-error.ts';
import { MAX_LEVEL } from './level-map.ts';
import { invalid } from './mode-change.ts';
import { isText } from './override.ts';

/** What a controller says. */
export interface LevelChange {
  /** Which controller. 1 to 200 characters. */
  readonly actor: string;
  /** Why: which signal. 1 to 500 characters. */
  readonly reason: string;
  /** Time after which the level is 0 again unless it is said anew. Milliseconds, 1 to 300 000. By default 30 000. */
  readonly expiresInMs?: number | undefined;
}

/** The brownout level of this process. */
export class ServiceLevel {
  reason = '';
  actor = '';
  expiresAt: number = Infinity;
  #level = 0;

  at(now: number): number {
    return now < this.expiresAt ? this.#level : 0; // (1)
  }

  set(level: number, { actor, reason }: LevelChange, expiresAt: number): void {
    this.#level = level;
    this.actor = actor;
    this.reason = reason;
    this.expiresAt = level === 0 ? Infinity : expiresAt;
  }
}

/** The longest that a level, or an automatic override, holds without being renewed. */
const MAX_AUTOMATIC_MS = 300_000;

export const DEFAULT_AUTOMATIC_MS = 30_000;

/** Checks what a controller says. Throws a FeatureError `INVALID_CHANGE`. */
export function checkLevelChange(level: unknown, change: LevelChange): void {
  checkKeys(change);
  const { actor, reason, expiresInMs = DEFAULT_AUTOMATIC_MS } = change;
  if (typeof level !== 'number' || !(level >= 0 && level <= MAX_LEVEL))
    throw invalid('level', 'level', `a number from 0 to ${MAX_LEVEL}`, level);
  if (!isText(actor, 200)) throw invalid('level', 'actor', 'one line of 1 to 200 characters', actor);
  if (!isText(reason, 500)) throw invalid('level', 'reason', 'one line of 1 to 500 characters', reason);
  if (!(expiresInMs >= 1 && expiresInMs <= MAX_AUTOMATIC_MS))
    throw invalid('level', 'expiresInMs', `a number from 1 to ${MAX_AUTOMATIC_MS}`, expiresInMs);
}

// --- internal ---

const KEYS: readonly string[] = ['actor', 'reason', 'expiresInMs'];

function checkKeys(change: unknown): void {
  if (typeof change !== 'object' || change === null || Array.isArray(change))
    throw invalid('level', 'change', `an object of ${KEYS.join(', ')}`, change);
  const unknown = Object.keys(change).find((key) => !KEYS.includes(key));
  if (unknown === undefined) return;
  const message = `a change of the level has no field ${show(unknown)}; it knows ${KEYS.join(', ')}`;
  throw new FeatureError('INVALID_CHANGE', message, { feature: 'level', field: unknown });
}
