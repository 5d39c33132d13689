/**
 * Probe round: the probes of one half-open state.
 *
 * Invariants
 *  (1) At most `maxProbes` leases are out, and at most `maxProbes` verdicts count.
 *  (2) A lease that has expired gives its place to the next probe that asks for one; until then its outcome counts.
 *  (3) A lease of the fleet is granted and judged by the fleet: it takes no place here, and its verdict decides nothing here.
 *
 * @module
 */

import type { ProbeLease } from '../../kernel/circuit-store.ts';

/** The right to run one probe. It ends when it is settled, when it expires, or with the half-open state. */
export interface Lease {
  readonly grantedAt: number;
  readonly expiresAt: number;
  /** Present where the fleet has granted it. */
  readonly ofFleet?: ProbeLease;
}

/** What a round goes by; see the options of the policy. */
export interface ProbeRules {
  readonly maxProbes: number;
  readonly probeSuccessRatio: number;
  readonly probeLeaseMs: number;
}

/** What a round has come to. */
export type RoundOutcome = 'succeeded' | 'failed' | 'undecided';

/** The probes of one half-open state. */
export class ProbeRound {
  private readonly leases = new Set<Lease>();
  private readonly leasesOfFleet = new Set<Lease>();
  private succeeded = 0;
  private failed = 0;

  /** Grants a lease at `now`, if there is a place: (1). */
  grant(now: number, { maxProbes, probeLeaseMs }: ProbeRules): Lease | undefined {
    for (const lease of this.leases) {
      if (lease.expiresAt <= now) this.leases.delete(lease); // (2)
    }
    if (this.places >= maxProbes) return undefined;
    const lease = { grantedAt: now, expiresAt: now + probeLeaseMs };
    this.leases.add(lease);
    return lease;
  }

  /** Takes note of a lease that the fleet has granted: (3). */
  begin(ofFleet: ProbeLease, now: number): Lease {
    for (const lease of this.leasesOfFleet) {
      if (lease.expiresAt <= now) this.leasesOfFleet.delete(lease); // the fleet counts it as lost
    }
    const lease = { grantedAt: now, expiresAt: now + ofFleet.remainingMs, ofFleet };
    this.leasesOfFleet.add(lease);
    return lease;
  }

  /** Milliseconds until the first lease expires; 0 where a lease is to be had. */
  remainingLeaseMs(now: number, { maxProbes }: ProbeRules): number {
    if (this.leases.size === 0 || this.places < maxProbes) return 0;
    return Math.max(0, Math.min(...[...this.leases].map((lease) => lease.expiresAt)) - now);
  }

  /** Takes a lease back. Returns whether it was out. */
  end(lease: Lease): boolean {
    return this.leases.delete(lease) || this.leasesOfFleet.delete(lease);
  }

  /** Counts the verdict on a probe. */
  count(succeeded: boolean): void {
    if (succeeded) this.succeeded++;
    else this.failed++;
  }

  /** What the verdicts so far have come to. */
  outcome({ maxProbes, probeSuccessRatio }: ProbeRules): RoundOutcome {
    if (this.succeeded / maxProbes >= probeSuccessRatio) return 'succeeded';
    return (maxProbes - this.failed) / maxProbes < probeSuccessRatio ? 'failed' : 'undecided';
  }

  /** The probes that have run for `slowCallMs` by `now`. */
  slow(now: number, slowCallMs: number): readonly Lease[] {
    return [...this.leases, ...this.leasesOfFleet].filter((lease) => now - lease.grantedAt >= slowCallMs);
  }

  private get places(): number {
    return this.leases.size + this.succeeded + this.failed;
  }
}
