/**
 * Membership: a breaker's handle on the circuit that it shares. It reads the clock, so that the node stays pure, and wakes the
 * lane when there is something to say.
 *
 * Invariants
 *  (1) A probe is settled once; after `leave` nothing has an effect, but that the lease of a probe under way is given back
 *      when that ends.
 *  (2) What the node throws reaches no caller: it is reported, and the breaker decides by itself.
 *  (3) Of a store that was closed no breaker asks anything: it decides by itself.
 *
 * @module
 */

import type {
  CircuitMember,
  MemberTrip,
  ProbeAnswer,
  ProbeLease,
  SharedCircuit,
  SharingExplanation,
} from '../kernel/circuit-store.ts';
import type { Clock } from '../kernel/clock.ts';
import { reportHookError } from '../kernel/hooks.ts';
import { explain } from './explanation.ts';
import type { FleetNode } from './fleet-node.ts';
import type { Lane } from './lane.ts';
import type { NodeCircuit, TakenProbe } from './node-circuit.ts';
import { retryAfterMs as retryAfterMsOf } from './probe-times.ts';

/** What a membership is made of. */
export interface MembershipParts {
  readonly node: FleetNode;
  readonly lane: Lane;
  readonly clock: Clock;
}

/** Lets `member` take part in the circuit of its name. */
export function joinCircuit(parts: MembershipParts, member: CircuitMember): SharedCircuit {
  return new Membership(parts, member);
}

// --- internal ---

class Membership implements SharedCircuit {
  private readonly parts: MembershipParts;
  private readonly member: CircuitMember;
  private readonly circuit: NodeCircuit;
  private hasLeft = false;

  constructor(parts: MembershipParts, member: CircuitMember) {
    this.parts = parts;
    this.member = member;
    this.circuit = parts.node.join(member, parts.clock.now());
  }

  tripped(trip: MemberTrip): void {
    this.act((now) => this.circuit.tripped(this.member, trip, now));
  }

  recovered(): void {
    this.act((now) => this.circuit.recovered(this.member, now));
  }

  wasReset(): void {
    this.act((now) => this.circuit.wasReset(this.member, now));
  }

  noteDemand(): void {
    this.act((now) => this.circuit.noteDemand(now));
  }

  probe(): ProbeAnswer {
    let taken: TakenProbe = 'own';
    if (this.parts.lane.hasEnded) return taken; // (3)
    this.act((now) => (taken = this.circuit.probe(this.member, now)));
    return this.answerOf(taken);
  }

  retryAfterMs(): number {
    return this.parts.lane.hasEnded ? 0 : retryAfterMsOf(this.circuit, this.parts.clock.now()); // (3)
  }

  explain(): SharingExplanation {
    return explain(this.circuit, this.parts.clock.now());
  }

  leave(): void {
    this.act((now) => this.parts.node.leave(this.circuit, this.member, now));
    this.hasLeft = true; // (1)
  }

  private act(what: (now: number) => void): void {
    if (!this.hasLeft) this.run(what);
  }

  private run(what: (now: number) => void): void {
    const { node, lane, clock } = this.parts;
    try {
      const now = clock.now();
      what(now);
      lane.wake(node.touch(this.circuit, now));
    } catch (error) {
      reportHookError('circuitStore', error, this.member.name); // (2)
    }
  }

  private answerOf(taken: TakenProbe): ProbeAnswer {
    if (taken === 'own' || taken === 'none') return taken;
    const { circuit } = this;
    if ('loneMs' in taken) {
      const { loneMs, epoch } = taken;
      return leaseOf(loneMs, (verdict, retryAfterMs) =>
        this.act((now) => circuit.settleLone({ epoch, verdict, retryAfterMs }, now)),
      );
    }
    const { lease } = taken;
    return leaseOf(lease.expiresAt - this.parts.clock.now(), (verdict, retryAfterMs) =>
      this.run((now) => void circuit.leases.settle(lease, { verdict, retryAfterMs }, now)),
    );
  }
}

function leaseOf(remainingMs: number, settle: ProbeLease['settle']): ProbeLease {
  let isSettled = false;
  return {
    remainingMs,
    settle: (verdict, retryAfterMs) => {
      if (isSettled) return; // (1)
      isSettled = true;
      settle(verdict, retryAfterMs);
    },
  };
}
