/**
 * Fleet ruling: what the fleet has ruled on a circuit, as a process knows it, and what of it is a hold.
 *
 * @module
 */

import type { ExplainedRuling, SharingExplanation } from '@holdfast/core';

import type { Circuit } from '../policies/catalogue.ts';
import { type WallClock, isoTimeOf } from '../wall-clock.ts';
import type { ShownHold } from './circuit-holds.ts';

/** A hold of the fleet, by whomever, as it is shown. `actor` and `reason` are as the store keeps them: the reason is cut. */
export interface ShownFleetHold extends Omit<ShownHold, 'scope'> {
  readonly scope: 'fleet';
}

/** What a circuit says of the fleet; undefined where it shares nothing. */
export function sharingOf(policy: Circuit): SharingExplanation | undefined {
  return sharingIn(policy.snapshot());
}

/** The same, of what it says of itself now. */
export function sharingIn(snapshot: object): SharingExplanation | undefined {
  const { fleet } = snapshot as { readonly fleet?: SharingExplanation };
  return typeof fleet?.ruling === 'object' ? fleet : undefined;
}

/** Whether a ruling is a hold. */
export function isHeld(ruling: ExplainedRuling | undefined): boolean {
  return ruling?.state === 'forced-open' || ruling?.state === 'forced-closed';
}

/** Whether people have ruled it: held, also where the time of that is over by now, or released. */
export function isOfPeople({ reason }: ExplainedRuling): boolean {
  return reason === 'held' || reason === 'released';
}

/** Whether the store has ruled anew before the time of a hold was over. Epochs are microseconds of the store's calendar. */
export function isReplaced(hold: ExplainedRuling, now: ExplainedRuling): boolean {
  return now.epoch !== hold.epoch && now.epoch < hold.epoch + hold.remainingMs * 1000;
}

/** Whether the store has ended a hold after the ruling of `epoch`. */
export function isReleasedSince(ruling: ExplainedRuling, epoch: number): boolean {
  return !isHeld(ruling) && ruling.reason === 'released' && ruling.epoch > epoch;
}

/** A ruling as it is shown, if it is a hold. */
export function shownOf(ruling: ExplainedRuling, wallClock: WallClock): ShownFleetHold | undefined {
  if (!isHeld(ruling)) return undefined;
  const remainingMs = Math.max(0, Math.ceil(ruling.remainingMs));
  return {
    scope: 'fleet',
    state: ruling.state === 'forced-open' ? 'open' : 'closed',
    actor: ruling.by.join(', ') || 'somebody',
    reason: ruling.note ?? '',
    setAt: isoTimeOf(ruling.epoch / 1000), // the store's calendar
    expiresAt: isoTimeOf(wallClock() + remainingMs),
    remainingMs,
  };
}
