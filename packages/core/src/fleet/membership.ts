/**
 * Membership: a breaker's handle on the circuit that it shares. It reads the clock, so that the node stays pure, and wakes the
 * lane when there is something to say.
 *
 * Invariants
 *  (1) A probe is settled once; after `leave` nothing has an effect.
 *  (2) What the node throws reaches no caller: it is reported, and the breaker decides by itself.
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
    this.act((now) => (taken = this.circuit.probe(this.member, now)));
    return this.answerOf(taken);
  }

  retryAfterMs(): number {
    return this.circuit.retryAfterMs(this.parts.clock.now());
  }

  explain(): SharingExplanation {
    return explain(this.circuit, this.parts.clock.now());
  }

  leave(): void {
    this.act((now) => this.parts.node.leave(this.circuit, this.member, now));
    this.hasLeft = true; // (1)
  }

  private act(what: (now: number) => void): void {
    if (this.hasLeft) return;
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
    let isSettled = false;
    const settleOnce = (settle: (now: number) => void): void => {
      if (isSettled) return; // (1)
      isSettled = true;
      this.act(settle);
    };
    if ('loneMs' in taken) return lone(taken.loneMs, circuit, settleOnce);
    const { lease } = taken;
    return {
      remainingMs: lease.expiresAt - this.parts.clock.now(),
      settle: (verdict, retryAfterMs) =>
        settleOnce((now) => void circuit.leases.settle(lease, { verdict, retryAfterMs }, now)),
    };
  }
}

function lone(
  remainingMs: number,
  circuit: NodeCircuit,
  settleOnce: (settle: (now: number) => void) => void,
): ProbeLease {
  return {
    remainingMs,
    settle: (verdict, retryAfterMs) => settleOnce((now) => circuit.settleLone(verdict, retryAfterMs, now)),
  };
}
