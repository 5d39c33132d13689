/**
 * Update plan: how the options of a policy are changed, the same way everywhere.
 *
 *   planUpdate ── checked against what is in force ─► plan ── applied: checked again, against what is in force then ─► changed
 *       └── refused: throws                                        └── refused: nothing changes, and that is reported
 *
 * Invariants
 *  (1) A refused update or plan changes nothing.
 *  (2) A plan changes the options that it names, on top of what is in force when it is applied: none undoes another.
 *  (3) Applying a plan never throws. If what it names has become impossible meanwhile, beside what another one changed, it
 *      changes nothing, and that is reported as a failure of the hook `planUpdate`.
 *  (4) What becomes of the caller's object of changes after `planUpdate` does not matter.
 *
 * @module
 */

import type { Updatable } from './description.ts';
import { reportHookError } from './hooks.ts';

/** What a policy gives so that it can be changed. */
export interface UpdateParts<C extends object, N> {
  /** Name of the policy. */
  readonly name: string;
  /** Returns the options in force with `changes`; changes nothing. Throws where they are refused. */
  readonly resolve: (changes: C) => N;
  /** Puts options in force that `resolve` has just returned. Must not throw. */
  readonly apply: (next: N) => void;
}

/** Returns the part of a policy by which its options are changed. */
export function updatable<C extends object, N>({ name, resolve, apply }: UpdateParts<C, N>): Updatable<C> {
  return {
    update: (changes) => apply(resolve(changes)), // (1)
    planUpdate: (changes) => {
      resolve(changes); // (1)
      const named = { ...changes }; // (4)
      return () => {
        let next: N;
        try {
          next = resolve(named); // (2)
        } catch (error) {
          reportHookError('planUpdate', error, name); // (3)
          return;
        }
        apply(next);
      };
    },
  };
}
