/**
 * Feature explanation: why a feature is in its mode, for nobody in particular or for one user, as data and as a line.
 *
 * Invariants
 *  (1) It says what a call site is given for the same target at that instant.
 *  (2) Every override that concerns this process is named, with whether it is for the target, and why not.
 *
 * @module
 */

import type { FeatureControl } from './feature-control.ts';
import type { FeatureStatus, OverrideStatus } from './feature-status.ts';
import type { Reading } from './reading.ts';
import { type Target, bucketOf, matches } from './targeting.ts';

/** One override, as the target sees it. */
export interface OverrideFit extends OverrideStatus {
  /** Whether it is for the target. */
  readonly isFor: boolean;
  /** Why. */
  readonly why: string;
}

/** Why a feature is in its mode. */
export interface FeatureExplanation extends Omit<Reading, 'feature' | 'isForAll'> {
  readonly name: string;
  /** For whom; undefined for nobody in particular. */
  readonly target: Target | undefined;
  /** The brownout level that it sees. */
  readonly level: number;
  readonly overrides: readonly OverrideFit[];
  /** Pairs of overrides that contradict one another: the one that is followed, the one that is not. */
  readonly conflicts: FeatureStatus['conflicts'];
  readonly revision: number;
  /** All of it in one line. */
  readonly text: string;
}

/** A target that {@link explainFeature} knows how to place: one with a key, so that shares do not draw anew. */
export type PlacedTarget = Target & { readonly key: string };

/**
 * Explains the mode of a feature for `target`, or for nobody in particular: of a bucket in the middle, without attributes.
 *
 * @throws FeatureError when there is no such feature.
 */
export function explainFeature(
  control: Pick<FeatureControl, 'status' | 'handle'>,
  name: string,
  target?: PlacedTarget,
): FeatureExplanation {
  const status = control.status(name);
  const { mode, params, isDegraded, decidedBy, reason, overrideId } =
    target === undefined ? readingOfNobody(control, status) : control.handle(name).read(undefined, target); // (1)
  const { level, conflicts, revision } = status;
  const overrides = status.overrides.map((one) => ({ ...one, ...fitOf(one, target) })); // (2)
  const told = { name, target, mode, params, isDegraded, decidedBy, reason, overrideId, level, conflicts, revision };
  return { ...told, overrides, text: lineOf({ ...told, overrides }) };
}

// --- internal ---

type Told = Omit<FeatureExplanation, 'text'>;

/** The bucket of nobody in particular. */
const MIDDLE = 0.5;

function readingOfNobody(control: Pick<FeatureControl, 'handle'>, { name, mode, modes, ...status }: FeatureStatus) {
  const reading = control.handle(name).read();
  const isSame = reading.isForAll && reading.mode === mode;
  const { decidedBy, override } = status;
  return {
    mode,
    params: isSame ? reading.params : undefined, // where modes differ by request, nobody in particular is given none
    isDegraded: mode !== modes[0],
    decidedBy,
    reason: override?.reason ?? (isSame ? reading.reason : undefined),
    overrideId: override?.id,
  };
}

function fitOf({ match, seed, shareRatio }: OverrideStatus, target: PlacedTarget | undefined) {
  if (match.length > 0 && !matches(match, target?.attributes))
    return { isFor: false, why: 'its conditions do not hold for these attributes' };
  if (shareRatio >= 1) return { isFor: true, why: match.length > 0 ? 'its conditions hold' : 'it is for everybody' };
  const bucket = target === undefined ? MIDDLE : bucketOf(seed, target.key);
  const isFor = bucket < shareRatio;
  return { isFor, why: `its share is ${figure(shareRatio)}, and the bucket is ${figure(bucket)}` };
}

function lineOf(told: Told): string {
  const { name, target, mode, conflicts } = told;
  const whom = target === undefined ? '' : ` for ${JSON.stringify(target.key)}`;
  const conflict = conflicts.length === 0 ? '' : `; ${conflicts.length} of its overrides contradict one another`;
  return `${name} is ${mode}${whom}: ${causeOf(told)}${conflict}`;
}

function causeOf({ decidedBy, level, reason, overrideId, overrides }: Told): string {
  const deciding = overrides.find(({ id }) => id === overrideId);
  if (deciding !== undefined) {
    const { source, kind, mode, actor, remainingMs, isRestoring } = deciding;
    const left = isRestoring ? 'being taken back' : `${Math.ceil(remainingMs / 1000)} s left`;
    return `${source} ${kind} ${mode} by ${actor} (${deciding.reason}), ${left}`;
  }
  if (decidedBy === 'level') return `the brownout level is ${figure(level)}${reason ? ` (${reason})` : ''}`;
  const others = overrides.filter(({ isFor }) => !isFor).length;
  const asked = others === 0 ? 'nothing asks for another mode' : `none of ${others} overrides is for this target`;
  return level > 0 ? `${asked}, and the level of ${figure(level)} leaves it` : asked;
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}
