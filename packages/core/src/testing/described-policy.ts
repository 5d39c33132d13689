/**
 * Described policy: one that does nothing, and says of itself what a test wants it to say.
 *
 * @module
 */

import type { Describable, Enforcement, PolicyTraits } from '../kernel/description.ts';
import { type LayeredPolicy, createPolicy } from '../kernel/policy.ts';

/** What a {@link describedPolicy} says besides its traits. */
export interface DescribedPolicyOptions {
  readonly kind?: string;
  readonly name?: string;
  readonly enforcement?: Enforcement;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Makes a policy that passes everything through, and says that it has these traits. */
export function describedPolicy(traits: PolicyTraits, said: DescribedPolicyOptions = {}): LayeredPolicy & Describable {
  const { kind = 'sample', name = kind, enforcement = 'enforce', options = {} } = said;
  const policy = createPolicy({ kind, name, layer: (inner) => inner });
  return Object.assign(policy, { describe: () => ({ kind, name, enforcement, options, traits }) });
}
