/**
 * At rest: whether a policy holds nothing that must not be forgotten, which is a circuit that is not closed, or has closed so
 * recently that it does not let all calls through yet.
 *
 * @module
 */

import { reportHookError } from '../../kernel/hooks.ts';
import type { Policy } from '../../kernel/policy.ts';

/**
 * Whether all circuits in `policy` are closed, and let all calls through: its own `state`, what its `snapshot()` says, and
 * those of what it is composed of. A policy that throws when it is asked counts as not at rest, and is reported. Never throws.
 */
export function isAtRest(policy: Policy<unknown>, name: string): boolean {
  try {
    return isClosed(policy);
  } catch (error) {
    reportHookError('state', error, name);
    return false;
  }
}

// --- internal ---

/** What a policy may have to say of itself; any of it may be missing. */
interface Parts {
  readonly kind?: unknown;
  readonly state?: unknown;
  snapshot?(): { readonly state?: unknown; readonly passRatio?: unknown } | undefined;
  /** Of a pipeline. */
  readonly policies?: unknown;
  /** Of a keyed policy. */
  readonly overflow?: Policy<unknown>;
}

function isClosed(policy: Policy<unknown>): boolean {
  const parts = policy as Parts;
  if (Array.isArray(parts.policies)) return (parts.policies as readonly Policy<unknown>[]).every(isClosed);
  if (parts.kind === 'keyed') return membersOf(policy).every(isClosed);
  if (parts.state !== undefined && parts.state !== 'closed') return false;
  const { state, passRatio } = (typeof parts.snapshot === 'function' ? parts.snapshot() : undefined) ?? {};
  return (state === undefined || state === 'closed') && (passRatio === undefined || passRatio === 1);
}

function membersOf(keyed: Policy<unknown>): readonly Policy<unknown>[] {
  const members = [...(keyed as unknown as Iterable<readonly [string, Policy<unknown>]>)].map(([, member]) => member);
  const { overflow } = keyed as Parts;
  return overflow === undefined ? members : [...members, overflow];
}
