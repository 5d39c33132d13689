/**
 * Node circuit: one shared circuit at one node: what the fleet has ruled, what the node does in spite of it, and what it wants
 * of the fleet. Pure: time arrives as an argument, nothing is sent or awaited.
 *
 *   member ── tripped, recovered, probe ─► node circuit ── follow ─► members
 *                                            ▲    │
 *                             adopt, answers ┘    └─► proposals (`circuit-proposals.ts`)
 *
 *  ruling        own view     a call that finds the circuit not closed
 *  closed        none         cannot
 *  closed        open         by the member's own probes
 *  open          none, open   refused; once the time is over, the node claims a lease, or probes alone after a long silence
 *  half-open     none, open   with a lease in hand a probe, else refused while the node claims one
 *  forced-open   none         refused
 *  any           closed       cannot: the node has found out by itself that the dependency is back
 *
 * Invariants
 *  (1) The pair of epoch and rank that the node goes by never falls.
 *  (2) A ruling of another epoch ends the own view, the claim, the ballot and the leases of earlier rounds.
 *  (3) Members have a new window after each ruling of another epoch: what was seen before counts no longer.
 *  (4) While the fleet is open or half-open no call runs but with a lease of this round, or as the one lone probe.
 *
 * @module
 */

import type { CircuitMember, FollowedState, MemberRules, MemberTrip } from '../kernel/circuit-store.ts';
import { Claim } from './claim.ts';
import { KnownRuling } from './known-ruling.ts';
import { LeasePool, type NodeLease } from './lease-pool.ts';
import { LoneProbe, type LoneProbeTimes } from './lone-probe.ts';
import { type NodeView, spreadMs, urgentSpreadMs } from './node-settings.ts';
import { type OwnView, inForce } from './own-view.ts';
import type { Ruling } from './ruling.ts';

/** A lease that a call has taken, or the right to a lone probe. */
export type TakenProbe = { readonly lease: NodeLease } | { readonly loneMs: number } | 'own' | 'none';

/** One shared circuit at one node. Its fields are for the files of this folder. */
export class NodeCircuit {
  readonly id: string;
  readonly view: NodeView;
  readonly known: KnownRuling;
  readonly members: Set<CircuitMember> = new Set();
  readonly leases: LeasePool = new LeasePool();
  readonly claim: Claim = new Claim();
  readonly lone: LoneProbe;
  private formed: OwnView | undefined = undefined;
  /** Since when what the members have seen counts. Milliseconds. */
  private evidenceFrom: number;
  /** When the own opening is to be put to the vote, and when the ledger is to be told the ruling that it lost. */
  ballotDueAt: number = Infinity;
  seedDueAt: number = Infinity;
  /** The epoch of the opening that a probe of this node led to. */
  private guiltyEpoch = 0;
  /** Until when all nodes are asked to report their windows. Milliseconds. */
  hotUntil: number = Number.NEGATIVE_INFINITY;

  constructor(id: string, view: NodeView, now: number) {
    this.id = id;
    this.view = view;
    this.known = new KnownRuling(id);
    this.lone = new LoneProbe(view.random());
    this.evidenceFrom = now;
  }

  /** What the node does in spite of the ruling; undefined where it follows it. */
  get own(): OwnView | undefined {
    return inForce(this.formed, this.known.epoch);
  }

  /** The rules of a member; undefined where there is none. */
  get rules(): MemberRules | undefined {
    for (const member of this.members) return member.memberRules;
    return undefined;
  }

  /** A member has come. It takes up at once what the fleet has ruled, unless that is nothing. */
  join(member: CircuitMember, now: number): void {
    this.members.add(member);
    if (this.known.epoch > 0 || this.own !== undefined) member.follow(this.followed(now, false));
  }

  /** A member has gone. With the last one what is in hand is given back. */
  leave(member: CircuitMember, now: number): void {
    this.members.delete(member);
    if (this.members.size > 0) return;
    this.leases.giveBack(now, true);
    this.claim.forget();
    this.ballotDueAt = Infinity;
  }

  /** A member has opened by its own rules. */
  tripped(member: CircuitMember, { openMs, reason }: MemberTrip, now: number): void {
    const { proposes, evidenceSpanMs } = member.memberRules;
    const { known, own } = this;
    const isFleetClosed = known.state(now) === 'closed';
    const reopenings = own?.state === 'open' ? own.reopenings + 1 : isFleetClosed ? 0 : known.reopenings;
    const evidenceFrom = Math.max(this.evidenceFrom, now - evidenceSpanMs);
    const times = { at: now, until: now + openMs, evidenceFrom, openForMs: openMs };
    this.formed = { state: 'open', basis: known.epoch, reason, reopenings, ...times };
    if (proposes && isFleetClosed) this.ballotDueAt = now + urgentSpreadMs(this.view);
    this.followAll(now, false, member);
  }

  /** A member that was open by itself has closed by its own probes. */
  recovered(member: CircuitMember, now: number): void {
    if (this.own?.state !== 'open') return;
    this.formed = undefined;
    this.ballotDueAt = Infinity;
    this.evidenceFrom = now;
    this.followAll(now, true, member);
  }

  /** A call was refused because the circuit is open: a node with demand claims as soon as the time is over. */
  noteDemand(now: number): void {
    this.claim.noteDemand(now);
    this.wantProbe(now);
  }

  /** Asks for the right to run a probe: (4). */
  probe(member: CircuitMember, now: number): TakenProbe {
    const { known } = this;
    this.claim.noteDemand(now);
    const state = known.state(now);
    if (this.own?.state === 'closed' || state === 'closed' || state === 'forced-closed') return 'own';
    if (state === 'forced-open' || this.openUntil(now) > now) return 'none';
    const lease = state === 'half-open' ? this.leases.take(known.epoch, now) : undefined;
    return lease === undefined ? this.probeAlone(member.memberRules, now) : { lease };
  }

  /** Takes the verdict on a lone probe: the node decides by it, for itself. */
  settleLone(verdict: 'success' | 'failure' | 'ignored', retryAfterMs: number, now: number): void {
    this.lone.end();
    const { known, rules } = this;
    if (verdict === 'ignored' || rules === undefined || known.state(now) === 'closed') return;
    if (verdict === 'success') this.closeAlone(1, now);
    else this.openAgain(rules, retryAfterMs, now);
  }

  /** A member was closed by hand: it stays so until the fleet rules anew. */
  wasReset(member: CircuitMember, now: number): void {
    if (this.known.state(now) === 'closed') this.recovered(member, now);
    else this.closeAlone(0, now);
  }

  /** Takes up a ruling that arrived at `now`. Returns whether it was another one than before. */
  adopt(ruling: Ruling, now: number): boolean {
    const { known } = this;
    const before = known.epoch;
    const adoption = known.adopt(ruling, now); // (1)
    if (adoption === 'older') return false;
    this.hotUntil = now + Number(ruling.notes['hot'] ?? Number.NEGATIVE_INFINITY);
    if (adoption === 'newer') this.startAnew(before, now);
    if (adoption === 'newer' || this.own === undefined) this.followAll(now, adoption === 'newer');
    if (adoption === 'newer') this.wantProbe(now);
    return adoption === 'newer';
  }

  /** The probe of this node has opened the circuit again: in the next round others go first. */
  noteGuilt(epoch: number): void {
    this.guiltyEpoch = epoch;
  }

  /** What was seen so far counts no longer: the process has slept. */
  forgetEvidence(now: number): void {
    this.evidenceFrom = now;
    this.ballotDueAt = Infinity;
    if (this.own === undefined && this.known.state(now) === 'closed') this.followAll(now, true);
  }

  /** Milliseconds until a call that was refused a probe has a chance; 0 where nobody knows. */
  retryAfterMs(now: number): number {
    const { claim, view } = this;
    if (claim.isWanted) return Math.max(CLAIM_MS, claim.dueAt - now);
    const loneAt = this.rules === undefined ? now : this.lone.startsAt(this.loneTimes(this.rules));
    return view.isFresh(now) ? claim.waitMs(now) : Math.max(0, loneAt - now);
  }

  /** When something is to be done. Milliseconds; -Infinity for at once, Infinity for never. */
  dueAt(): number {
    return Math.min(this.seedDueAt, this.ballotDueAt, this.claim.dueAt, this.leases.dueAt());
  }

  /** What lone probes go by. */
  loneTimes({ openForMs }: MemberRules): LoneProbeTimes {
    const { known, own, view } = this;
    const { holdOffMs, heardAt } = view;
    const openUntil = own?.state === 'open' ? own.until - holdOffMs : known.until; // an own open time needs no hold-off
    return { openUntil, heardAt, holdOffMs, spreadMs: known.spanMs > 0 ? known.spanMs : openForMs };
  }

  /** How often in a row the probes have failed. */
  get reopenings(): number {
    const { own } = this;
    return own?.state === 'open' ? own.reopenings : this.known.reopenings;
  }

  /** What members are to be. */
  followed(now: number, isNew: boolean): FollowedState {
    const { known, own, reopenings } = this;
    const base = { reopenings, isNew, owner: undefined };
    if (own?.state === 'closed') return { ...base, state: 'closed', remainingMs: 0, reason: undefined };
    if (own?.state === 'open')
      return { ...base, state: 'open', remainingMs: Math.max(0, own.until - now), reason: own.reason };
    const state = known.state(now);
    const { why, by } = known.notes;
    const isForced = state === 'forced-open' || state === 'forced-closed';
    const remainingMs = Math.max(0, known.remainingMs(now));
    return { ...base, state, remainingMs, reason: why, owner: isForced ? by : undefined };
  }

  // --- internal ---

  /** Wants a lease, and probes without one where the fleet has been silent for too long. */
  private probeAlone(rules: MemberRules, now: number): TakenProbe {
    if (!rules.proposes) return 'none';
    this.wantProbe(now);
    return this.lone.start(this.loneTimes(rules), rules.probeLeaseMs, now) ? { loneMs: rules.probeLeaseMs } : 'none';
  }

  private closeAlone(successes: number, now: number): void {
    this.formed = { state: 'closed', basis: this.known.epoch, at: now, successes };
    this.evidenceFrom = now;
    this.claim.end();
    this.followAll(now, true);
  }

  private openAgain(rules: MemberRules, retryAfterMs: number, now: number): void {
    const { openForMs: baseMs, openBackoffRatio, maxOpenForMs } = rules;
    const reopenings = this.reopenings + 1;
    const openForMs = Math.min(maxOpenForMs, Math.max(baseMs * openBackoffRatio ** reopenings, retryAfterMs));
    const times = { at: now, until: now + openForMs, evidenceFrom: now, openForMs };
    this.formed = { state: 'open', basis: this.known.epoch, reason: 'probes', reopenings, ...times };
    this.followAll(now, true);
  }

  /** End of the open time that the node goes by. */
  private openUntil(now: number): number {
    const { own, known } = this;
    if (own?.state === 'open') return own.until;
    return known.state(now) === 'open' ? known.until : Number.NEGATIVE_INFINITY;
  }

  /** Wants a lease, if there is demand, once the open time is over. */
  private wantProbe(now: number): void {
    const { claim, known, view } = this;
    const state = known.state(now);
    const isClaimable = (state === 'open' || state === 'half-open') && this.own?.state !== 'closed';
    if (!isClaimable || claim.isWanted || !claim.hasDemand(now) || this.rules?.proposes !== true) return;
    if (this.leases.heldCount > 0) return;
    const from = Math.max(now, known.until) + spreadMs(view) + this.penaltyMs;
    claim.want(() => view.newLeaseBase(), from);
  }

  /** A node whose probe failed lets others go first, where there are enough of them. */
  private get penaltyMs(): number {
    const { rules, guiltyEpoch, known, view } = this;
    if (rules === undefined || guiltyEpoch !== known.epoch || view.fleetSize <= rules.maxProbes) return 0;
    return Math.min(rules.probeLeaseMs, MAX_PENALTY_MS);
  }

  private startAnew(before: number, now: number): void {
    const { known } = this;
    this.formed = this.own; // (2)
    this.leases.keepOnly(known.epoch);
    this.claim.forget();
    this.lone.end();
    this.ballotDueAt = Infinity;
    this.seedDueAt = Infinity;
    this.evidenceFrom = now; // (3)
    if (known.epoch !== before) this.lookForDisagreement();
  }

  private lookForDisagreement(): void {
    const { cf, by } = this.known.notes;
    if (cf === undefined) return;
    for (const member of this.members) {
      if (member.memberRules.fingerprint !== cf) this.view.disagrees(member.name, by ?? '');
    }
  }

  private followAll(now: number, isNew: boolean, except?: CircuitMember): void {
    for (const member of this.members) {
      if (member !== except) member.follow(this.followed(now, isNew));
    }
  }
}

/** About the time that a claim takes. Milliseconds. */
const CLAIM_MS = 20;

/** The longest time that a node whose probe failed lets others go first. Milliseconds. */
const MAX_PENALTY_MS = 2000;
