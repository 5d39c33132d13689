/**
 * Fleet table: what tests of shared circuits are made of: a member that notes what it is to be, rules, rulings, and a node
 * that a test moves.
 *
 * @module
 */

import type { CircuitMember, FollowedState, MemberRules, MemberRun, RuledState } from '../kernel/circuit-store.ts';

/** Rules of a member: two of three probes close. */
export const memberRules: MemberRules = Object.freeze({
  maxProbes: 3,
  neededSuccesses: 2,
  probeLeaseMs: 400,
  openForMs: 1000,
  openBackoffRatio: 2,
  maxOpenForMs: 8000,
  rampUpMs: 0,
  evidenceSpanMs: 10_000,
  bucketMs: 1000,
  failureRatio: 0.5,
  minimumCalls: 4,
  proposes: true,
  fingerprint: 'f1',
});

/** A member that notes what it is to be. */
export interface NotingMember extends CircuitMember {
  memberRules: MemberRules;
  /** What it was told to be, the earliest first. */
  readonly told: FollowedState[];
  /** Those states, shortly; with `!` where what it had seen counts no longer. */
  readonly states: readonly string[];
  counted: { successes: number; failures: number };
  runs: readonly MemberRun[];
}

/** Makes a member. */
export function notingMember(name = 'prices', rules: Partial<MemberRules> = {}): NotingMember {
  const told: FollowedState[] = [];
  const member: NotingMember = {
    name,
    memberRules: { ...memberRules, ...rules },
    told,
    counted: { successes: 0, failures: 0 },
    runs: [],
    get states() {
      return told.map(({ state, isNew }) => (isNew ? `${state}!` : state));
    },
    tally: () => member.counted,
    recent: () => member.runs,
    follow: (state) => void told.push(state),
  };
  return member;
}

/** What a test says of a ruling. */
export interface RulingWords {
  readonly epoch: number;
  readonly state: RuledState;
  readonly remainingMs?: number;
  readonly spanMs?: number;
  readonly reopenings?: number;
  readonly free?: number;
  readonly notes?: Readonly<Record<string, string>>;
}

/** Makes a ruling, on `prices` where no other is named. */
export function rulingOf(
  { epoch, state, remainingMs = 0, spanMs = remainingMs, reopenings = 0, free = 0, notes = {} }: RulingWords,
  id = 'prices',
): Required<RulingWords> & { readonly id: string } {
  return { id, epoch, state, remainingMs, spanMs, reopenings, free, notes };
}

/** Makes the node that a circuit belongs to; what `given` has can be changed afterwards. */
export function nodeViewOf(
  given: { fleetSize?: number; heardAt?: number; isSilent?: boolean; randomly?: number } = {},
) {
  let leases = 0;
  const view = {
    settings: {
      node: 'n1',
      holdOffMs: 5000,
      quorum: (nodes: number): number => (nodes < 3 ? 1 : 2),
      ballotTtlMs: 9000,
      maxLostProbes: 3,
      mode: 'ruling' as const,
    },
    random: () => given.randomly ?? 0.5,
    get fleetSize() {
      return given.fleetSize ?? 1;
    },
    get heardAt() {
      return given.heardAt ?? 0;
    },
    holdOffMs: 5000,
    isFresh: () => given.isSilent !== true,
    newLeaseBase: () => `n1.x.${++leases}`,
    disagreements: [] as string[],
    disagrees: (name: string, by: string): void => void view.disagreements.push(`${name} by ${by}`),
    epochAgeMs: (epoch: number, now: number) => now - epoch / 1000,
  };
  return view;
}
