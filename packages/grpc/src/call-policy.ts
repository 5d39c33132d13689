/**
 * Call policy: the policies of calls, of which there is one for all, or one for each method.
 *
 * @module
 */

import { ConfigError, type Policy } from '@holdfast/core';

/** One policy for all methods, or a function that chooses. */
export type PolicyChoice<Method> = Policy<unknown> | ((method: Method) => Policy<unknown> | undefined);

/** @throws ConfigError when `chosen` is neither a policy, nor a function, nor left out. */
export function checkPolicyChoice(option: string, chosen: unknown): void {
  if (chosen !== undefined && typeof chosen !== 'function' && !isPolicy(chosen)) throw notAPolicy(option, chosen);
}

/**
 * Returns the policy for `method`; undefined for none.
 *
 * @throws ConfigError when what was chosen is no policy.
 */
export function chosenPolicy<Method>(
  option: string,
  chosen: PolicyChoice<Method> | undefined,
  method: Method,
): Policy<unknown> | undefined {
  const policy = typeof chosen === 'function' ? chosen(method) : chosen;
  if (policy !== undefined && !isPolicy(policy)) throw notAPolicy(option, policy);
  return policy;
}

// --- internal ---

function isPolicy(value: unknown): value is Policy<unknown> {
  return typeof (value as Partial<Policy> | null)?.execute === 'function';
}

function notAPolicy(option: string, value: unknown): ConfigError {
  return new ConfigError(option, 'a policy, or a function that returns one', value);
}
