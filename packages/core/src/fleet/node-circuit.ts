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
 *  (5) A ruling of closed from before the node saw anything, which it hears of late, is no news: (2) and (3) do not apply.
 *  (6) A member that only observes changes nothing for others.
 *  (7) A hold of the fleet stands above the own view.
 *  (8) A half-open circuit closes for all by its round: once the store is heard, no own probe stands for it.
 *
 * @module
 */

import type { CircuitMember, MemberRules, MemberTrip } from '../kernel/circuit-store.ts';
import { Claim } from './claim.ts';
import { lookForDisagreement } from './disagreement.ts';
import { followedState } from './followed-state.ts';
import { KnownRuling } from './known-ruling.ts';
import { LeasePool, type NodeLease } from './lease-pool.ts';
import { LoneProbe, type LoneVerdict } from './lone-probe.ts';
import { type NodeView, spreadMs, urgentSpreadMs } from './node-settings.ts';
import { type OwnView, inForce } from './own-view.ts';
import { heedFree, loneTimes, openUntil, penaltyMs } from './probe-times.ts';
import { type Ruling, isForced } from './ruling.ts';

/** A lease that a call has taken, or the right to a lone probe under the ruling of that epoch. */
export type TakenProbe =
  | { readonly lease: NodeLease }
  | { readonly loneMs: number; readonly epoch: number }
  | 'own'
  | 'none';

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
  evidenceFrom: number;
  /** When the own opening is to be put to the vote, and when the ledger is to be told the ruling that it lost. */
  ballotDueAt: number = Infinity;
  seedDueAt: number = Infinity;
  /** The epoch of the opening that a probe of this node led to: in the next round others go first. */
  guiltyEpoch = 0;
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

  /** The rules of a member, one that proposes if there is one; undefined where there is none. */
  get rules(): MemberRules | undefined {
    let found: MemberRules | undefined;
    for (const { memberRules } of this.members) {
      if (memberRules.proposes) return memberRules;
      found ??= memberRules;
    }
    return found;
  }

  /** A member has come. It takes up at once what the fleet has ruled, unless that is nothing. */
  join(member: CircuitMember, now: number): void {
    this.members.add(member);
    if (this.known.epoch > 0 || this.own !== undefined)
      member.follow(followedState(this, member, { now, isNew: true }));
  }

  /** A member has gone. With the last one what is in hand is given back. */
  leave(member: CircuitMember, now: number): void {
    this.members.delete(member);
    if (this.members.size > 0) return;
    this.leases.giveBack(now, true);
    this.wantNothing();
  }

  /** Asks nothing of the fleet any more. */
  wantNothing(): void {
    this.claim.forget();
    this.ballotDueAt = Infinity;
  }

  /** A member has opened by its own rules: (6). */
  tripped(member: CircuitMember, { openMs, reason }: MemberTrip, now: number): void {
    const { proposes, evidenceSpanMs } = member.memberRules;
    const { known, own } = this;
    if (!proposes) return;
    const isFleetClosed = known.state(now) === 'closed';
    const reopenings = own?.state === 'open' ? own.reopenings + 1 : isFleetClosed ? 0 : known.reopenings;
    const evidenceFrom = Math.max(this.evidenceFrom, now - evidenceSpanMs);
    const times = { at: now, until: now + openMs, evidenceFrom, openForMs: openMs };
    this.formed = { state: 'open', basis: known.epoch, reason, reopenings, ...times };
    if (isFleetClosed) this.ballotDueAt = now + urgentSpreadMs(this.view);
    this.followAll(now, false, member);
  }

  /** A member that was open by itself has closed by its own probes. */
  recovered(member: CircuitMember, now: number): void {
    if (this.own?.state !== 'open' || !member.memberRules.proposes) return; // (6)
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
    if (state === 'forced-open' || openUntil(this, now) > now) return 'none';
    const lease = state === 'half-open' ? this.leases.take(known.epoch, now) : undefined;
    return lease === undefined ? this.probeAlone(member.memberRules, now) : { lease };
  }

  /** Takes the verdict on a lone probe that began under the ruling of `epoch`: the node decides by it, for itself. */
  settleLone({ epoch, verdict, retryAfterMs }: LoneVerdict, now: number): void {
    const { known, rules } = this;
    if (epoch !== known.epoch) return; // (2)
    this.lone.end();
    if (this.own?.state === 'closed') return; // closed by hand meanwhile
    if (verdict === 'ignored' || rules === undefined) return;
    if (verdict === 'success') this.closeAlone(1, now);
    else this.openAgain(rules, retryAfterMs, now);
  }

  /** A member was closed by hand: it stays so until the fleet rules anew. */
  wasReset(member: CircuitMember, now: number): void {
    if (!member.memberRules.proposes) return; // (6)
    if (this.known.state(now) === 'closed') this.recovered(member, now);
    else this.closeAlone(0, now);
  }

  /** Takes up a ruling that arrived at `now`. Returns whether it was another one than before. */
  adopt(ruling: Ruling, now: number): boolean {
    const { known } = this;
    const before = known.epoch;
    const isOldNews = this.isOldNews(ruling, now);
    const adoption = known.adopt(ruling, now); // (1)
    if (adoption === 'older') return false;
    this.hotUntil = now + Number(ruling.notes['hot'] ?? Number.NEGATIVE_INFINITY);
    if (isOldNews) this.catchUp(now);
    else if (adoption === 'newer') this.startAnew(before, now);
    else if (this.isByRuling(now)) this.followAll(now, false); // its time may be shorter
    heedFree(this, now);
    this.wantProbe(now);
    return adoption === 'newer';
  }

  /** The ledger was heard while the node goes by its own probe: where the fleet has a round, it takes part: (8). */
  joinRound(now: number): boolean {
    const { own, known } = this;
    if (own?.state !== 'closed' || own.successes === 0 || known.state(now) !== 'half-open') return false;
    this.formed = undefined;
    this.followAll(now, true);
    this.wantProbe(now);
    return true;
  }

  /** The ledger knows a ruling of `epoch`: it need not be told that one. */
  noteKnown(epoch: number): void {
    if (epoch >= this.known.epoch) this.seedDueAt = Infinity;
  }

  /** What was seen so far counts no longer: the process has slept. */
  forgetEvidence(now: number): void {
    this.evidenceFrom = now;
    this.ballotDueAt = Infinity;
    if (this.own === undefined && this.known.state(now) === 'closed') this.followAll(now, true);
  }

  /** When something is to be done. Milliseconds; -Infinity for at once, Infinity for never. */
  dueAt(): number {
    return Math.min(this.seedDueAt, this.ballotDueAt, this.claim.dueAt, this.leases.dueAt());
  }

  /** How often in a row the probes have failed. */
  get reopenings(): number {
    const { own } = this;
    return own?.state === 'open' ? own.reopenings : this.known.reopenings;
  }

  // --- internal ---

  /** Wants a lease, and probes without one where the fleet has been silent for too long. */
  private probeAlone(rules: MemberRules, now: number): TakenProbe {
    if (!rules.proposes) return 'none';
    this.wantProbe(now);
    const { probeLeaseMs: loneMs } = rules;
    return this.lone.start(loneTimes(this, rules), loneMs, now) ? { loneMs, epoch: this.known.epoch } : 'none';
  }

  private closeAlone(successes: number, now: number): void {
    this.formed = { state: 'closed', basis: this.known.epoch, at: now, successes };
    this.evidenceFrom = now;
    this.claim.end();
    this.ballotDueAt = Infinity;
    if (!isForced(this.known.state(now))) this.followAll(now, true); // (7)
  }

  private openAgain(rules: MemberRules, retryAfterMs: number, now: number): void {
    const { openForMs: baseMs, openBackoffRatio, maxOpenForMs } = rules;
    const reopenings = this.reopenings + 1;
    const openForMs = Math.min(maxOpenForMs, Math.max(baseMs * openBackoffRatio ** reopenings, retryAfterMs));
    const times = { at: now, until: now + openForMs, evidenceFrom: now, openForMs };
    this.formed = { state: 'open', basis: this.known.epoch, reason: 'probes', reopenings, ...times };
    this.followAll(now, true);
  }

  /** Wants a lease, if there is demand, once the open time is over. */
  private wantProbe(now: number): void {
    const { claim, known, view } = this;
    const state = known.state(now);
    const isClaimable = (state === 'open' || state === 'half-open') && this.own?.state !== 'closed';
    if (!isClaimable || claim.isWanted || !claim.hasDemand(now) || this.rules?.proposes !== true) return;
    if (this.leases.heldCount > 0) return;
    const from = Math.max(now, openUntil(this, now)) + spreadMs(view) + penaltyMs(this);
    claim.want(() => view.newLeaseBase(), from);
  }

  /** Whether it is a ruling of closed from before anything here was seen, of which the node has not known: (5). */
  private isOldNews({ epoch, state, remainingMs }: Ruling, now: number): boolean {
    if (this.known.epoch > 0 || epoch === 0 || state !== 'closed' || remainingMs > 0) return false;
    const from = this.own?.state === 'open' ? this.own.evidenceFrom : this.evidenceFrom; // what it rests on may be forgotten since
    return this.view.epochAgeMs(epoch, now) >= now - from;
  }

  /** Goes on under a ruling that is older than all that was seen here. */
  private catchUp(now: number): void {
    if (this.formed !== undefined) this.formed = { ...this.formed, basis: this.known.epoch };
    if (this.ballotDueAt < Infinity) this.ballotDueAt = now; // the one before was based on nothing
  }

  /** Whether members are open or held by the ruling, and not by the own view. */
  private isByRuling(now: number): boolean {
    const state = this.known.state(now);
    return isForced(state) || (state === 'open' && this.own === undefined);
  }

  private startAnew(before: number, now: number): void {
    const { known } = this;
    this.formed = undefined; // (2)
    this.leases.keepOnly(known.epoch);
    this.claim.forget();
    this.ballotDueAt = Infinity;
    this.seedDueAt = Infinity;
    this.evidenceFrom = now; // (3)
    if (known.epoch !== before) lookForDisagreement(this);
    this.followAll(now, true);
  }

  private followAll(now: number, isNew: boolean, except?: CircuitMember): void {
    for (const member of this.members) {
      if (member !== except) member.follow(followedState(this, member, { now, isNew }));
    }
  }
}
