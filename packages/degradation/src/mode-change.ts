/**
 * Mode change: what somebody who changes a feature must say, and the check of it.
 *
 * @module
 */

import { FeatureError, show } from './feature-error.ts';

/** Why a feature goes back to its default mode. */
export interface Restoration {
  /** Who does it: a person or a program. 1 to 200 characters. */
  readonly actor: string;
  /** Why: what the next person on call should know. 1 to 500 characters. */
  readonly reason: string;
  /** Makes the change only if the feature is at this revision, as `list()` told it. Integer, 0 or more. */
  readonly ifRevision?: number | undefined;
}

/** Why, and for how long, a feature gets another mode. */
export interface ModeChange extends Restoration {
  /** Time after which the feature goes back to its default mode by itself. Milliseconds, integer, 1 to 86 400 000 (24 h). */
  readonly expiresInMs: number;
}

/** The longest that an override may last: 24 hours. What should last longer is configuration. */
export const MAX_OVERRIDE_MS = 86_400_000;

/** Checks the change of `feature` to a mode. */
export function checkModeChange(feature: string, change: unknown): asserts change is ModeChange {
  checkFields(feature, change, ['actor', 'reason', 'ifRevision', 'expiresInMs']);
  const { expiresInMs } = change;
  if (!Number.isInteger(expiresInMs) || (expiresInMs as number) < 1 || (expiresInMs as number) > MAX_OVERRIDE_MS)
    throw invalid(feature, 'expiresInMs', `an integer from 1 to ${MAX_OVERRIDE_MS}`, expiresInMs);
}

/** Checks the way of `feature` back to its default mode. */
export function checkRestoration(feature: string, change: unknown): asserts change is Restoration {
  checkFields(feature, change, ['actor', 'reason', 'ifRevision']);
}

/** Whether `value` is a text that a person wrote: not empty, one line, not too long. */
export function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= maxLength && !CONTROL.test(value);
}

// --- internal ---

const MAX_ACTOR_LENGTH = 200;
const MAX_REASON_LENGTH = 500;

/** Control characters and line separators: they have no place in one line of an audit trail. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;

function checkFields(
  feature: string,
  change: unknown,
  known: readonly string[],
): asserts change is Record<string, unknown> {
  if (typeof change !== 'object' || change === null || Array.isArray(change))
    throw new FeatureError('INVALID_CHANGE', `a change of ${feature} must be an object, got ${show(change)}`, {
      feature,
    });
  const unknown = Object.keys(change).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new FeatureError(
      'INVALID_CHANGE',
      `a change of ${feature} has no field ${show(unknown)}; it knows ${known.join(', ')}`,
      { feature, field: unknown },
    );
  const { actor, reason, ifRevision } = change as Record<string, unknown>;
  if (!isText(actor, MAX_ACTOR_LENGTH))
    throw invalid(feature, 'actor', `one line of 1 to ${MAX_ACTOR_LENGTH} characters`, actor);
  if (!isText(reason, MAX_REASON_LENGTH))
    throw invalid(feature, 'reason', `one line of 1 to ${MAX_REASON_LENGTH} characters`, reason);
  if (ifRevision !== undefined && (!Number.isSafeInteger(ifRevision) || (ifRevision as number) < 0))
    throw invalid(feature, 'ifRevision', 'an integer, 0 or more', ifRevision);
}

// oxlint-disable-next-line max-params -- where, what, expectation, value: the four parts of one sentence
function invalid(feature: string, field: string, expectation: string, value: unknown): FeatureError {
  const found = value === undefined ? 'but it is missing' : `got ${show(value)}`;
  const message = `${feature}.${field} must be ${expectation}, ${found}`;
  return new FeatureError('INVALID_CHANGE', message, { feature, field });
}
