/**
 * Fleet node: all shared circuits of one shard at one node, and what the node says to the ledger and hears from it. Pure: time
 * arrives as an argument, and whoever carries the words (`lane.ts`) asks what is to be sent.
 *
 * Invariants
 *  (1) One proposal per circuit and step, but for reports; what no circuit wants any more is not sent.
 *  (2) A circuit without members is kept while its ruling could matter to others: it is told again to a ledger that lost it.
 *  (3) After a full reading the ledger is told what it lacks, by each node that knows it, spread over {@link SEED_SPREAD_MS},
 *      unless another one was faster.
 *  (4) A node that may not share (another number of shards, words it cannot read) proposes nothing and takes up nothing: to
 *      it the ledger is silent.
 *
 * @module
 */

import type { CircuitMember } from '../kernel/circuit-store.ts';
import { type Random, drawFrom, systemRandom } from '../kernel/random.ts';
import { answered, lost } from './circuit-answers.ts';
import { localCloseOf, longestLeaseMs, proposalsOf } from './circuit-proposals.ts';
import { isForgettable } from './forgetting.ts';
import {
  type FlushReply,
  type FlushRequest,
  MAX_PROPOSALS,
  type RulingMessage,
  type Sender,
  type StepReply,
  type StepRequest,
  type SyncReply,
  type SyncRequest,
  WIRE_MINOR,
} from './ledger.ts';
import { leaseNames, nonceOf } from './names.ts';
import { NodeCircuit } from './node-circuit.ts';
import { type NodeSettings, type NodeView, addsUpWindows } from './node-settings.ts';
import type { Proposal } from './proposal.ts';
import { Restless } from './restless.ts';
import type { Ruling } from './ruling.ts';
import { SyncState, problemOf } from './sync-state.ts';
import { WindowReports } from './window-report.ts';

/** What a node is made of. */
export interface FleetNodeParts {
  readonly settings: NodeSettings;
  readonly random: Random;
  /** Shards that this node believes there are. */
  readonly shards: number;
  /** Members of the fleet decide by other rules. */
  readonly onDisagreement: (name: string, by: string) => void;
}

/** The shared circuits of one shard at one node. */
export class FleetNode implements NodeView {
  readonly settings: NodeSettings;
  readonly sync: SyncState;
  readonly random: Random;
  private readonly parts: FleetNodeParts;
  private readonly circuits = new Map<string, NodeCircuit>();
  private readonly restless = new Restless<NodeCircuit>();
  private readonly reports = new WindowReports();
  private readonly leaseNames: Iterator<string>;
  private flushCount = 0;

  constructor(parts: FleetNodeParts) {
    this.parts = parts;
    this.settings = parts.settings;
    this.random = () => drawFrom(parts.random, 'circuit-store') ?? systemRandom();
    this.sync = new SyncState(this.random);
    this.leaseNames = leaseNames(parts.settings.node, this.random);
  }

  get fleetSize(): number {
    return this.sync.fleetSize;
  }

  get heardAt(): number {
    return this.sync.sharedAt; // (4): what is heard of a ledger that is not to be shared counts as silence
  }

  get holdOffMs(): number {
    return Math.max(this.settings.holdOffMs, this.sync.longestSilenceMs);
  }

  isFresh(now: number): boolean {
    return this.sync.problem === undefined && this.sync.isFresh(now);
  }

  newLeaseBase(): string {
    return String(this.leaseNames.next().value);
  }

  disagrees(name: string, by: string): void {
    this.parts.onDisagreement(name, by);
  }

  epochAgeMs(epoch: number, now: number): number {
    return this.sync.epochAgeMs(epoch, now);
  }

  /** The circuit of that id, made where there is none. */
  circuit(id: string, now: number): NodeCircuit {
    let circuit = this.circuits.get(id);
    if (circuit === undefined) {
      circuit = new NodeCircuit(id, this, now);
      this.circuits.set(id, circuit);
    }
    return circuit;
  }

  /** The circuit of that id, if there is one. */
  find(id: string): NodeCircuit | undefined {
    return this.circuits.get(id);
  }

  /** A breaker takes part. */
  join(member: CircuitMember, now: number): NodeCircuit {
    const circuit = this.circuit(member.name, now);
    circuit.join(member, now);
    if (addsUpWindows(this.settings, circuit.id)) this.reports.begin(circuit, now);
    return circuit;
  }

  /** A breaker leaves. */
  leave(circuit: NodeCircuit, member: CircuitMember, now: number): void {
    circuit.leave(member, now);
    this.touch(circuit, now);
    this.prune(circuit, now);
  }

  /** Something has happened to a circuit. Returns when something is to be sent for it. */
  touch(circuit: NodeCircuit, now: number): number {
    if (this.circuits.get(circuit.id) !== circuit) return Infinity; // forgotten: a probe of it may have ended late
    return Math.max(this.restless.note(circuit), this.sync.proposableAt(now));
  }

  /** When the node has something to send. Milliseconds; earlier than now where it has already. */
  wakeAt(now: number): number {
    const { sync, reports, restless } = this;
    return Math.min(sync.dueAt, reports.dueAt, Math.max(restless.firstAt(), sync.proposableAt(now)));
  }

  /** The next proposals, if some are due and the ledger may be asked for them. */
  nextStep(now: number): StepRequest | undefined {
    const due = this.restless.due(now);
    if (due.length === 0 || this.sync.proposableAt(now) > now) return undefined;
    const ticketUs = this.sync.ticket(now);
    if (ticketUs === undefined) this.sync.wantTicket(now);
    if (ticketUs === undefined) return undefined;
    const proposals: Proposal[] = [];
    for (const circuit of due) {
      if (proposals.length < MAX_PROPOSALS) proposals.push(...proposalsOf(circuit, now)); // (1)
    }
    return this.stepOf(ticketUs, proposals);
  }

  /** Takes the answers to a step sent at `askedAt`. */
  stepped(request: StepRequest, reply: StepReply, askedAt: number, now: number): void {
    this.sync.stepDone();
    this.sync.noteReply(reply, now);
    request.proposals.forEach((proposal, index) => {
      const result = reply.results[index] ?? { code: 'failed', message: 'no answer' };
      if (result.code === 'stale') this.sync.refuseTicket(now);
      const circuit = this.circuits.get(proposal.id);
      if (circuit === undefined) return;
      answered(circuit, proposal, result, { askedAt, now });
      this.touch(circuit, now);
      this.prune(circuit, now);
    });
  }

  /** No answer to a step has come: asks the ledger where it stands before anything else is proposed. */
  stepLost({ proposals }: StepRequest, now: number): void {
    this.sync.stepLost(now);
    for (const proposal of proposals) {
      const circuit = this.circuits.get(proposal.id);
      if (circuit !== undefined) lost(circuit, proposal, now);
    }
  }

  /** What to ask the ledger when a sync is due. */
  nextSync(now: number): SyncRequest {
    const { node } = this.settings;
    const leaseTtlMs = longestLeaseMs(this.circuits.values(), now);
    const fixed = { nodeTtlMs: NODE_TTL_MS, limit: MAX_RULINGS, shards: this.parts.shards, minor: WIRE_MINOR };
    return { node, ...this.sync.request(now), ...fixed, leaseTtlMs, nonce: nonceOf(this.random) };
  }

  /** Takes the answer to a sync. */
  synced(request: SyncRequest, reply: SyncReply, now: number): void {
    const { sync } = this;
    const hadProblem = sync.problem !== undefined;
    sync.problem = problemOf(reply, this.parts.shards); // (4)
    const census = sync.synced(request, reply, now);
    if (sync.hasStood) this.slept(now); // before any ruling: how old what was seen is cannot be known
    this.adoptAll(reply.rulings, now);
    if (sync.problem === undefined && hadProblem) sync.startOver(now);
    else if (sync.problem === undefined && census !== undefined) this.planSeeds(census, now);
    for (const circuit of this.circuits.values()) {
      if (sync.problem === undefined && circuit.joinRound(now)) this.touch(circuit, now);
      this.prune(circuit, now);
    }
  }

  /** What is to be told of circuits that this node closed while the ledger was away; asked for after a sync. */
  localCloses(now: number): StepRequest | undefined {
    const ticketUs = this.sync.ticket(now);
    if (ticketUs === undefined) return undefined;
    const proposals = [...this.circuits.values()].flatMap((circuit) => localCloseOf(circuit, now) ?? []);
    return this.stepOf(ticketUs, proposals);
  }

  /** Takes a message: its rulings always, for their epochs order them; those that the ledger has lost it is told again: (3). */
  heard(message: RulingMessage, now: number): void {
    const isOfNow = message.incarnation === this.sync.incarnation;
    const isNews = this.adoptAll(message.rulings, now);
    for (const { id, epoch } of isOfNow ? message.rulings : []) this.circuits.get(id)?.noteKnown(epoch); // (3)
    this.sync.heard(message, now, isNews);
  }

  /** The process has slept: nothing that it saw before is evidence, and it asks before it proposes. */
  slept(now: number): void {
    this.sync.refuseTicket(now);
    for (const circuit of this.circuits.values()) circuit.forgetEvidence(now);
  }

  /** What the windows have to tell, in window mode, when that is due. */
  nextFlush(now: number): { readonly flush?: FlushRequest; readonly bells?: StepRequest } {
    if (now < this.reports.dueAt) return {};
    const ticketUs = this.sync.ticket(now);
    const { bells, items } = this.reports.news(now, this.random());
    if (ticketUs === undefined) return {};
    return {
      ...(items.length > 0 && { flush: { ...this.sender(ticketUs), sequence: ++this.flushCount, items } }),
      ...(bells.length > 0 && { bells: { ...this.sender(ticketUs), proposals: bells } }),
    };
  }

  /** Takes the answer to a flush. One that is lost is not repeated. */
  flushed(request: FlushRequest, reply: FlushReply, now: number): void {
    this.sync.noteReply(reply, now);
    for (const { code, ruling } of reply.results.slice(0, request.items.length)) {
      if (code === 'stale') this.sync.refuseTicket(now);
      if (ruling !== undefined) this.adopt(ruling, now);
    }
  }

  /** What gives back leases in hand and tells what probes came to, for a node that leaves; undefined where there is no more. */
  farewell(now: number): StepRequest | undefined {
    for (const circuit of this.circuits.values()) {
      circuit.leases.giveBack(now, true);
      circuit.wantNothing();
      circuit.seedDueAt = Infinity;
      this.touch(circuit, now);
    }
    return this.nextStep(now);
  }

  // --- internal ---

  private adoptAll(rulings: readonly Ruling[], now: number): boolean {
    if (this.sync.problem !== undefined) return false; // (4)
    return rulings.filter((ruling) => this.adopt(ruling, now)).length > 0;
  }

  private adopt(ruling: Ruling, now: number): boolean {
    const circuit = this.circuit(ruling.id, now);
    const isNews = circuit.adopt(ruling, now);
    if (ruling.notes['hot'] !== undefined) this.reports.hurry(circuit, now);
    this.touch(circuit, now);
    return isNews;
  }

  private stepOf(ticketUs: number, proposals: readonly Proposal[]): StepRequest | undefined {
    if (proposals.length === 0) return undefined;
    return { ...this.sender(ticketUs), proposals: proposals.slice(0, MAX_PROPOSALS) };
  }

  private sender(ticketUs: number): Sender {
    const { settings, sync, fleetSize } = this;
    return { node: settings.node, incarnation: sync.incarnation, ticketUs, fleetSize };
  }

  private planSeeds(census: ReadonlyMap<string, number>, now: number): void {
    for (const circuit of this.circuits.values()) {
      if (circuit.known.epoch <= (census.get(circuit.id) ?? 0)) continue;
      circuit.seedDueAt = now + this.random() * SEED_SPREAD_MS; // (3)
      this.touch(circuit, now);
    }
  }

  /** Forgets a circuit that nobody here uses and that is closed: (2). */
  private prune(circuit: NodeCircuit, now: number): void {
    if (!isForgettable(circuit, now)) return;
    this.circuits.delete(circuit.id);
    this.restless.forget(circuit);
    this.reports.end(circuit);
  }
}

const [NODE_TTL_MS, MAX_RULINGS, SEED_SPREAD_MS] = [60_000, 500, 100];
