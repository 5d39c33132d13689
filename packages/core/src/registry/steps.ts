/**
 * Steps: changes that were checked, made one after the other. A change of ours never throws; one of the user's own kind must not,
 * and must not keep the others back.
 *
 * @module
 */

import { reportHookError } from '../kernel/hooks.ts';

/** Takes all steps, in their order. What one throws is told to `onHookError`. Never throws. */
export function takeSteps(steps: Iterable<() => void>): void {
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      reportHookError('planUpdate', error);
    }
  }
}
