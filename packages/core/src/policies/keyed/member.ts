/**
 * Member: the policy of one key, and what must be known of it. There may be a million, so it has no field that it can do
 * without, and no function of its own.
 *
 * @module
 */

import type { Handler } from '../../kernel/handler.ts';
import type { Link } from '../../kernel/linked-list.ts';
import type { Policy } from '../../kernel/policy.ts';

/** One policy and the calls that run under it. Its fields are plain for speed; {@link Members} looks after them. */
export class Member<P extends Policy<unknown>> implements Link {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly key: string;
  readonly policy: P;
  /** Calls that run. */
  running = 0;
  /** Calls that came, counted as far as it matters; `GONE` once it was forgotten. */
  calls = 0;
  idleSince = 0;
  /** Its handler around what most calls go to. */
  handler: Handler | undefined = undefined;

  constructor(key: string, policy: P) {
    this.key = key;
    this.policy = policy;
  }

  /** Whether it was forgotten. Calls that run under it go on. */
  get isGone(): boolean {
    return this.calls === GONE;
  }

  forget(): void {
    this.calls = GONE;
  }
}

/** Makes the handlers of members around what is inside a keyed policy. */
export interface MemberHandlers<P extends Policy<unknown>> {
  /** Makes the overflow member's handler around `inner`, so that a layer that throws does so when it is composed. */
  prime(inner: Handler): void;
  /** Returns the handler of `member` around `inner`. */
  of(member: Member<P>, inner: Handler): Handler;
}

// --- internal ---

const GONE = -1;
