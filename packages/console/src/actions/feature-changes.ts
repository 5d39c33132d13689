/**
 * Feature changes: features that people switch through the API, each change kept with how it is undone.
 *
 * Invariants
 *  (1) What is allowed is decided by the features themselves; nothing is set here that `set` and `restore` would refuse.
 *  (2) Undoing brings back the overrides that there were, for what is left of their time, and no others; where people changed
 *      the feature since, it changes nothing.
 *  (3) Undoing brings back all or nothing: the step that needs most is taken first, so that whoever may not is refused before
 *      anything has changed.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';
import type { FeatureControl, FeatureStatus, ModeChange, OverrideStatus, Restoration } from '@holdfast/degradation';

import { Problem } from '../api/problem.ts';
import type { ActionKind, ActionTrail, Author, Deed, ShownAction, Undo } from './action-trail.ts';

/** What feature changes work on. */
export interface FeatureChangeParts {
  readonly degradation: FeatureControl;
  readonly clock: Clock;
  readonly trail: ActionTrail;
}

/** A change that was made. */
export interface ChangedFeature {
  readonly status: FeatureStatus;
  readonly action: ShownAction;
}

/** Changes of features through the API. */
export class FeatureChanges {
  readonly #parts: FeatureChangeParts;
  /** How overrides that were set here are taken back, by feature and override: their status does not tell. */
  readonly #plans = new Map<string, ModeChange['restore']>();

  constructor(parts: FeatureChangeParts) {
    this.#parts = parts;
  }

  /** Sets a mode. Throws the FeatureError of `set`. */
  set(name: string, mode: string, change: ModeChange & Author): ChangedFeature {
    const make = (features: FeatureControl): FeatureStatus => features.set(name, mode, change);
    return this.#keep('feature.set', name, { author: change, make, plan: change.restore });
  }

  /** Ends overrides. Throws the FeatureError of `restore`. */
  restore(name: string, change: Restoration & Author): ChangedFeature {
    const make = (features: FeatureControl): FeatureStatus => features.restore(name, change);
    return this.#keep('feature.restored', name, { author: change, make, plan: undefined });
  }

  #keep(kind: ActionKind, name: string, { author, make, plan }: Change): ChangedFeature {
    const { degradation, trail } = this.#parts;
    const before = degradation.status(name);
    const status = make(degradation); // (1)
    const { actor, reason, role } = author;
    const ids = changedIds(before, status);
    const undo = ids.length === 0 ? undefined : this.#backTo(before, status);
    for (const id of ids) this.#plan(name, id, plan);
    const action = trail.add({ deed: deedOf(kind, before, status), undo, actor, reason, role });
    return { status, action };
  }

  /** How the way from `before` to `after` is gone back. It knows the plans to restore that there are when this is called. */
  #backTo(before: FeatureStatus, after: FeatureStatus): Undo {
    const { clock, degradation } = this.#parts;
    const { name } = before;
    const saidAt = clock.now();
    const ids = changedIds(before, after);
    const plans = new Map(ids.map((id) => [id, this.#plans.get(planKey(name, id))]));
    return (author) => {
      const now = degradation.status(name);
      if (now.revision !== after.revision) throw changedSince(name, now.revision); // (2)
      const way = { before, now, author, spentMs: clock.now() - saidAt, plans };
      const steps = ids.map((id) => this.#step(id, way)).filter((step) => step !== undefined);
      if (steps.length === 0)
        throw new Problem(409, `what was changed of ${name} is over by now`, { code: 'NOT_UNDOABLE' });
      for (const { take } of steps.toSorted((one, other) => one.rank - other.rank)) take(); // (3)
      const back = degradation.status(name);
      const undo = this.#backTo(now, back);
      for (const id of ids) this.#plan(name, id, plans.get(id));
      return { deed: deedOf('feature.restored', now, back), undo };
    };
  }

  /** What brings one override back to what it was; undefined where its time is over. */
  #step(id: string, { before, now, author, spentMs, plans }: Way): Step | undefined {
    const { degradation } = this.#parts;
    const { name } = before;
    const was = ownOverrides(before).find((override) => override.id === id);
    const is = ownOverrides(now).find((override) => override.id === id);
    const remainingMs = Math.floor((was?.remainingMs ?? 0) - spentMs);
    if (was !== undefined && remainingMs >= 1) {
      const restore = plans.get(id);
      const change = { ...changeOf(was, { ...author, expiresInMs: remainingMs }), ...(restore && { restore }) };
      return { rank: rankOf(was, before), take: () => void degradation.set(name, was.mode, change) };
    }
    const ended = { ...author, id, isAtOnce: true };
    return is && { rank: rankOf(is, before), take: () => void degradation.restore(name, ended) };
  }

  #plan(name: string, id: string, plan: ModeChange['restore']): void {
    if (plan === undefined) this.#plans.delete(planKey(name, id));
    else this.#plans.set(planKey(name, id), plan);
  }
}

// --- internal ---

interface Change {
  readonly author: Author;
  readonly make: (features: FeatureControl) => FeatureStatus;
  readonly plan: ModeChange['restore'];
}

interface Way {
  readonly before: FeatureStatus;
  readonly now: FeatureStatus;
  readonly author: Author;
  readonly spentMs: number;
  readonly plans: ReadonlyMap<string, ModeChange['restore']>;
}

/** One override on its way back. */
interface Step {
  /** The lower, the more it may need: of several, only the first can be refused for the role. */
  readonly rank: number;
  readonly take: () => void;
}

/** What is of break-glass needs most; then comes what forces a mode, the better the mode, the more. */
function rankOf({ source, kind, mode }: OverrideStatus, { modes }: FeatureStatus): number {
  if (source === 'break-glass') return -1;
  return kind === 'force' ? modes.indexOf(mode) : modes.length;
}

function planKey(feature: string, id: string): string {
  return `${feature} ${id}`;
}

/** The overrides that people made and that have not ended. */
function ownOverrides({ overrides }: FeatureStatus): readonly OverrideStatus[] {
  return overrides.filter(({ source, isRestoring }) => source !== 'automatic' && !isRestoring);
}

/** The ids of overrides that are others before and after, of two looks in a row. */
function changedIds(before: FeatureStatus, after: FeatureStatus): readonly string[] {
  const [was, is] = [before, after].map((status) => new Map(ownOverrides(status).map((one) => [one.id, one])));
  const ids = new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])]);
  return [...ids].filter((id) => !isSame(was?.get(id), is?.get(id)));
}

function isSame(one: OverrideStatus | undefined, other: OverrideStatus | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  const isAsLong = Math.abs(one.remainingMs - other.remainingMs) < LOOKING_MS;
  return isAsLong && textOf(one) === textOf(other);
}

/** Time that may pass between two looks in a row. Milliseconds. */
const LOOKING_MS = 50;

/** What tells an override from another in the same slot: all but the time that passes. */
function textOf({ remainingMs: _passes, expiresAt: _follows, ...rest }: OverrideStatus): string {
  return JSON.stringify(rest);
}

function changeOf(override: OverrideStatus, author: Author & { readonly expiresInMs: number }): ModeChange {
  const { kind, source, scope, shareRatio, seed, match, params } = override;
  return {
    ...author,
    actor: override.actor,
    reason: override.reason,
    kind,
    source: source as ModeChange['source'],
    scope,
    shareRatio,
    seed,
    match,
    ...(params !== undefined && { params }),
  };
}

function deedOf(kind: ActionKind, before: FeatureStatus, after: FeatureStatus): Deed {
  return { kind, target: before.name, before: partsOf(before), after: partsOf(after) };
}

function partsOf({ mode, revision, override }: FeatureStatus): object {
  const { kind, source, actor, reason, expiresAt } = override ?? {};
  return { mode, revision, ...(override !== undefined && { override: { kind, source, actor, reason, expiresAt } }) };
}

function changedSince(name: string, revision: number): Problem {
  return new Problem(409, `${name} was changed since, and is at revision ${revision}`, {
    code: 'CHANGED_SINCE',
    revision,
  });
}
