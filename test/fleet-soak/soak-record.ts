/**
 * Soak record: what one process of a soak has seen: what its calls came to, what its stores told, and what must not have been.
 *
 * @module
 */

import type { RedisCircuitStore } from '@holdfast/redis';

import { CallTally } from '../fleet/call-tally.ts';

/** Kept and sent: no more of what must not be. */
const MAX_STRANGE = 20;

/** What one process has seen. */
export class SoakRecord {
  readonly calls = new CallTally();
  /** How often what the soak is about has happened. */
  readonly counts: Record<string, number> = {};
  /** What must not have happened, as sentences. */
  readonly strange: string[] = [];
  /** Stores that were closed: nothing may keep them. */
  private readonly closed: WeakRef<RedisCircuitStore>[] = [];

  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  complain(what: string): void {
    if (this.strange.length < MAX_STRANGE) this.strange.push(what);
  }

  noteClosed(store: RedisCircuitStore): void {
    this.count('a store is closed');
    this.closed.push(new WeakRef(store));
  }

  /** Stores that were closed and are kept by something; worth asking after a garbage collection only. */
  keptStores(): number {
    return this.closed.filter((store) => store.deref() !== undefined).length;
  }

  /** Takes over what the calls have come to. */
  sumCalls(): void {
    const { ok, failed, refused, lateRefusals, strange } = this.calls.next();
    this.count('a call has succeeded', ok);
    this.count('a call has failed', failed);
    this.count('a call was refused', refused);
    if (lateRefusals > 0) this.complain(`${lateRefusals} refusals did not come in the turn of their call`);
    for (const error of strange) this.complain(`a call came to ${error}`);
  }
}
