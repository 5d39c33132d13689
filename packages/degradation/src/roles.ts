/**
 * Roles: who may change what. A role is checked where one is given; who may claim it is decided by whoever hands it in.
 *
 * | change                                                      | viewer | operator | break-glass |
 * | ----------------------------------------------------------- | ------ | -------- | ----------- |
 * | a manual override, a schedule, a restore                     |        | yes      | yes         |
 * | a `force` to a better mode than controllers ask for          |        |          | yes         |
 * | a break-glass override, and its restore                      |        |          | yes         |
 *
 * @module
 */

import { FeatureError } from './feature-error.ts';

/** What somebody may do. */
export type Role = 'viewer' | 'operator' | 'break-glass';

export const roles: readonly Role[] = Object.freeze(['viewer', 'operator', 'break-glass']);

/** What is about to be changed. */
export interface Intent {
  readonly feature: string;
  /** Whether it makes or ends a break-glass override. */
  readonly isBreakGlass: boolean;
  /** Whether it forces a better mode than controllers ask for at present. */
  readonly outbidsControllers: boolean;
}

/** Refuses what `role` may not do. Without a role only break-glass is refused. Throws a FeatureError `FORBIDDEN`. */
export function checkRole(role: Role | undefined, { feature, isBreakGlass, outbidsControllers }: Intent): void {
  if (role === 'viewer') throw forbidden(feature, 'a viewer changes nothing');
  if (role === 'break-glass') return;
  if (isBreakGlass) throw forbidden(feature, 'break-glass needs the role break-glass');
  if (role === 'operator' && outbidsControllers)
    throw forbidden(feature, 'to force a better mode than controllers ask for needs the role break-glass');
}

// --- internal ---

function forbidden(feature: string, why: string): FeatureError {
  return new FeatureError('FORBIDDEN', `${feature} is not changed: ${why}`, { feature, field: 'role' });
}
