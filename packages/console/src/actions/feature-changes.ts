/**
 * Feature changes: features that people switch through the API, each change kept with how it is undone.
 *
 * Invariants
 *  (1) What is allowed is decided by the features themselves; nothing is set here that `set` and `restore` would refuse.
 *  (2) Undoing brings back the overrides that there were, for what is left of their time, and no others; where people changed
 *      the feature since, it changes nothing.
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

  constructor(parts: FeatureChangeParts) {
    this.#parts = parts;
  }

  /** Sets a mode. Throws the FeatureError of `set`. */
  set(name: string, mode: string, change: ModeChange & Author): ChangedFeature {
    return this.#keep('feature.set', name, { author: change, make: (features) => features.set(name, mode, change) });
  }

  /** Ends overrides. Throws the FeatureError of `restore`. */
  restore(name: string, change: Restoration & Author): ChangedFeature {
    return this.#keep('feature.restored', name, { author: change, make: (features) => features.restore(name, change) });
  }

  #keep(kind: ActionKind, name: string, { author, make }: Change): ChangedFeature {
    const { degradation, trail } = this.#parts;
    const before = degradation.status(name);
    const status = make(degradation); // (1)
    const { actor, reason, role } = author;
    const undo = status.revision === before.revision ? undefined : this.#backTo(before, status);
    const action = trail.add({ deed: deedOf(kind, before, status), undo, actor, reason, role });
    return { status, action };
  }

  #backTo(before: FeatureStatus, after: FeatureStatus): Undo {
    const { clock, degradation } = this.#parts;
    const saidAt = clock.now();
    return (author) => {
      const now = degradation.status(before.name);
      if (now.revision !== after.revision) throw changedSince(before.name, now.revision); // (2)
      const spentMs = clock.now() - saidAt;
      const steps = changedIds(before, after)
        .map((id) => this.#step(id, { before, now, author, spentMs }))
        .filter((step) => step !== undefined);
      if (steps.length === 0)
        throw new Problem(409, `what was changed of ${before.name} is over by now`, { code: 'NOT_UNDOABLE' });
      for (const step of steps) step();
      const back = degradation.status(before.name);
      return { deed: deedOf('feature.restored', now, back), undo: this.#backTo(now, back) };
    };
  }

  /** What brings one override back to what it was; undefined where its time is over. */
  #step(id: string, { before, now, author, spentMs }: Way): (() => void) | undefined {
    const { degradation } = this.#parts;
    const { name } = before;
    const was = ownOverrides(before).find((override) => override.id === id);
    const remainingMs = Math.floor((was?.remainingMs ?? 0) - spentMs);
    if (was !== undefined && remainingMs >= 1)
      return () => void degradation.set(name, was.mode, changeOf(was, { ...author, expiresInMs: remainingMs }));
    const isThere = ownOverrides(now).some((override) => override.id === id);
    return isThere ? () => void degradation.restore(name, { ...author, id, isAtOnce: true }) : undefined;
  }
}

// --- internal ---

interface Change {
  readonly author: Author;
  readonly make: (features: FeatureControl) => FeatureStatus;
}

interface Way {
  readonly before: FeatureStatus;
  readonly now: FeatureStatus;
  readonly author: Author;
  readonly spentMs: number;
}

/** The overrides that people made and that have not ended. */
function ownOverrides({ overrides }: FeatureStatus): readonly OverrideStatus[] {
  return overrides.filter(({ source, isRestoring }) => source !== 'automatic' && !isRestoring);
}

/** The ids of overrides that are others before and after. */
function changedIds(before: FeatureStatus, after: FeatureStatus): readonly string[] {
  const [was, is] = [before, after].map((status) => new Map(ownOverrides(status).map((one) => [one.id, textOf(one)])));
  const ids = new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])]);
  return [...ids].filter((id) => was?.get(id) !== is?.get(id));
}

/** What tells an override from another in the same slot: all but the time that passes. */
function textOf({ remainingMs: _passes, expiresAt: _follows, shareRatio: _falls, ...rest }: OverrideStatus): string {
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
