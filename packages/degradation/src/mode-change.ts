/**
 * Mode change: what somebody who changes a feature must say, and the check of it.
 *
 * @module
 */

import type { FeatureDefinition } from './catalogue.ts';
import { FeatureError, show } from './feature-error.ts';
import {
  MAX_BREAK_GLASS_MS,
  type OverrideKind,
  type OverrideScope,
  type ParamValue,
  type RestorePlan,
  isParams,
  isRestorePlan,
  isScope,
  isText,
  overrideKinds,
} from './override.ts';
import { type Role, roles } from './roles.ts';
import { type Condition, isCondition } from './targeting.ts';

/** Who changes a feature, and why. */
export interface ChangeAuthor {
  /** Who does it: a person or a program. 1 to 200 characters. */
  readonly actor: string;
  /** Why: what the next person on call should know. 1 to 500 characters. */
  readonly reason: string;
  /** What the actor may do; checked where it is given. Break-glass must give it. */
  readonly role?: Role | undefined;
  /** Makes the change only if the feature is at this revision, as `list()` told it. Integer, 0 or more. */
  readonly ifRevision?: number | undefined;
}

/** Why overrides of a feature end. */
export interface Restoration extends ChangeAuthor {
  /** Which override; by default all of them. */
  readonly id?: string | undefined;
  /** Whether it is taken back at once, whatever its plan to restore says. By default false. */
  readonly isAtOnce?: boolean | undefined;
}

/** Why, for how long and for whom a feature gets another mode. */
export interface ModeChange<Params = Readonly<Record<string, ParamValue | undefined>>> extends ChangeAuthor {
  /** Time after which it ends by itself. Milliseconds, integer, 1 to the feature's `maxOverrideMs`; to 900 000 if break-glass. */
  readonly expiresInMs: number;
  /** Exactly this mode, this or a worse one, this or a better one. By default `force`. */
  readonly kind?: OverrideKind | undefined;
  /** By default `manual`. The others only take `force`. */
  readonly source?: 'manual' | 'schedule' | 'break-glass' | undefined;
  /** Which processes it is for. By default all. */
  readonly scope?: OverrideScope | undefined;
  /** Share of the buckets it is for. Ratio, above 0, up to 1. By default 1. */
  readonly shareRatio?: number | undefined;
  /** Spreads the buckets: the same seed chooses the same people. By default the feature's name. */
  readonly seed?: string | undefined;
  /** What must hold for a request, all of it. By default nothing. */
  readonly match?: readonly Condition[] | undefined;
  /** How it is taken back when it ends. By default at once. */
  readonly restore?: RestorePlan | undefined;
  /**
   * Parameters of the mode that are others than the catalogue says, of the same types, as long as it is in force. Only with
   * `force`; texts, numbers and truth values, 20 at most. By default none.
   */
  readonly params?: Params | undefined;
}

/** Checks the change of `feature` to a mode. */
export function checkModeChange(
  feature: string,
  change: unknown,
  { maxOverrideMs }: Pick<FeatureDefinition, 'maxOverrideMs'>,
): asserts change is ModeChange {
  checkFields(feature, change, ['expiresInMs', ...OPTIONAL.map(({ field }) => field)]);
  checkOptional(feature, change);
  const { expiresInMs, source = 'manual', kind = 'force' } = change;
  if (source !== 'manual' && kind !== 'force')
    throw invalid(feature, 'kind', `force for source ${String(source)}`, kind);
  const longestMs = source === 'break-glass' ? Math.min(maxOverrideMs, MAX_BREAK_GLASS_MS) : maxOverrideMs;
  if (!Number.isInteger(expiresInMs) || (expiresInMs as number) < 1 || (expiresInMs as number) > longestMs)
    throw invalid(feature, 'expiresInMs', `an integer from 1 to ${longestMs}`, expiresInMs);
}

/** Checks the way of `feature` back to its default mode. */
export function checkRestoration(feature: string, change: unknown): asserts change is Restoration {
  checkFields(feature, change, ['id', 'isAtOnce']);
  const { id, isAtOnce } = change;
  if (id !== undefined && typeof id !== 'string') throw invalid(feature, 'id', 'the id of an override', id);
  if (isAtOnce !== undefined && typeof isAtOnce !== 'boolean')
    throw invalid(feature, 'isAtOnce', 'true or false', isAtOnce);
}

// oxlint-disable-next-line max-params -- where, what, expectation, value: the four parts of one sentence
export function invalid(feature: string, field: string, expectation: string, value: unknown): FeatureError {
  const found = value === undefined ? 'but it is missing' : `got ${show(value)}`;
  const message = `${feature}.${field} must be ${expectation}, ${found}`;
  return new FeatureError('INVALID_CHANGE', message, { feature, field });
}

// --- internal ---

const MAX_ACTOR_LENGTH = 200;
const MAX_REASON_LENGTH = 500;

const OPTIONAL: readonly { field: keyof ModeChange; expectation: string; accepts: (value: unknown) => boolean }[] = [
  {
    field: 'kind',
    expectation: `one of ${overrideKinds.join(', ')}`,
    accepts: (value) => overrideKinds.includes(value as OverrideKind),
  },
  {
    field: 'source',
    expectation: 'one of manual, schedule, break-glass',
    accepts: (value) => value === 'manual' || value === 'schedule' || value === 'break-glass',
  },
  { field: 'scope', expectation: 'an object of region and instance', accepts: isScope },
  {
    field: 'shareRatio',
    expectation: 'a number above 0, up to 1',
    accepts: (value) => typeof value === 'number' && value > 0 && value <= 1,
  },
  { field: 'seed', expectation: 'one line of 1 to 200 characters', accepts: (value) => isText(value, 200) },
  {
    field: 'match',
    expectation: 'an array of at most 20 conditions',
    accepts: (value) => Array.isArray(value) && value.length <= 20 && value.every(isCondition),
  },
  {
    field: 'restore',
    expectation: 'a plan of 1 to 20 falling shareRatios, above 0 and below 1, and a stepMs from 1 to 3600000',
    accepts: isRestorePlan,
  },
  { field: 'params', expectation: 'an object of at most 20 texts, finite numbers, true and false', accepts: isParams },
];

function checkOptional(feature: string, change: Record<string, unknown>): void {
  for (const { field, expectation, accepts } of OPTIONAL) {
    const value = change[field];
    if (value !== undefined && !accepts(value)) throw invalid(feature, field, expectation, value);
  }
}

function checkFields(
  feature: string,
  change: unknown,
  own: readonly string[],
): asserts change is Record<string, unknown> {
  const known = ['actor', 'reason', 'role', 'ifRevision', ...own];
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
  checkAuthor(feature, change as Record<string, unknown>);
}

function checkAuthor(feature: string, { actor, reason, role, ifRevision }: Record<string, unknown>): void {
  if (!isText(actor, MAX_ACTOR_LENGTH))
    throw invalid(feature, 'actor', `one line of 1 to ${MAX_ACTOR_LENGTH} characters`, actor);
  if (!isText(reason, MAX_REASON_LENGTH))
    throw invalid(feature, 'reason', `one line of 1 to ${MAX_REASON_LENGTH} characters`, reason);
  if (role !== undefined && !roles.includes(role as Role))
    throw invalid(feature, 'role', `one of ${roles.join(', ')}`, role);
  if (ifRevision !== undefined && (!Number.isSafeInteger(ifRevision) || (ifRevision as number) < 0))
    throw invalid(feature, 'ifRevision', 'an integer, 0 or more', ifRevision);
}
