/**
 * Member changes: options changed for all members of a keyed policy, those that are yet to be made included.
 *
 * Invariants
 *  (1) Changes that one member refuses change none.
 *  (2) A member made later has the changes, too.
 *
 * @module
 */

import type { Updatable } from '../../kernel/description.ts';
import { reportHookError } from '../../kernel/hooks.ts';
import type { Policy } from '../../kernel/policy.ts';
import type { Member } from './member.ts';

/** What has been changed for all members of one keyed policy. */
export class MemberChanges<P extends Policy<unknown>> {
  private made: object | undefined = undefined;

  /** Makes the changes so far to a new member. Throws what that member throws. */
  applyTo(policy: P): void {
    if (this.made !== undefined) planFor(policy, this.made)(); // (2)
  }

  /**
   * Checks `changes` with all members, and returns what makes them. `current` gives the members at that time, the overflow
   * first: one that refuses the changes by then is reported, and keeps its options; if the overflow does, all members do.
   */
  plan(changes: object, name: string, current: () => readonly [Member<P>, ...Member<P>[]]): () => void {
    for (const { policy } of current()) planFor(policy, changes); // (1)
    return () => {
      const [overflow, ...others] = current();
      const apply = planOrReport(overflow, changes, name);
      if (apply === undefined) return; // nor would a new member take them
      this.made = { ...this.made, ...changes };
      apply();
      for (const member of others) planOrReport(member, changes, name)?.();
    };
  }
}

// --- internal ---

function planOrReport<P extends Policy<unknown>>(
  { policy }: Member<P>,
  changes: object,
  name: string,
): (() => void) | undefined {
  try {
    return planFor(policy, changes);
  } catch (error) {
    reportHookError('make', error, name);
    return undefined;
  }
}

function planFor(policy: Policy<unknown>, changes: object): () => void {
  const { planUpdate } = policy as Partial<Updatable>;
  if (typeof planUpdate !== 'function') throw new TypeError('keyed.updateEach needs members that have planUpdate');
  return planUpdate.call(policy, changes);
}
