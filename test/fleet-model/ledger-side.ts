/**
 * Ledger side: the server of a simulated world: it executes what arrives, and loses what it knows.
 *
 * @module
 */

import type { HoldRequest, SyncReply } from '@holdfast/core/fleet';

import type { Agenda } from './agenda.ts';
import { noteExecuted } from './check-ledger.ts';
import type { Facts } from './facts.ts';
import { type LedgerView, emptyView } from './ledger-view.ts';
import type { LedgerAnswer, LedgerCall, ModelLedger } from './model-ledger.ts';
import type { Origin } from './model-network.ts';

/** What it is made of. */
export interface LedgerSideParts {
  readonly ledger: ModelLedger;
  readonly facts: Facts;
  readonly agenda: Agenda;
  readonly random: () => number;
  /** Told of what happens, for people. */
  readonly note: (what: string, about: unknown) => void;
  /** Connections to it are lost. */
  readonly onCut: () => void;
  /** It tells all nodes. */
  readonly onMessages: (messages: LedgerAnswer['messages']) => void;
}

/** The server. */
export class LedgerSide {
  private readonly parts: LedgerSideParts;
  /** All that it has told in its present history. */
  view: LedgerView = emptyView();
  /** Whether data may be lost. */
  isStormy = false;
  private awayUntil = 0;
  private offsetMs = 0;
  private serverCount = 0;
  private executions = 0;
  private isFailingOver = false;
  /** What the replica knows: as of when, and what it was told. */
  private replica: { readonly at: number; readonly view: LedgerView } | undefined = undefined;

  constructor(parts: LedgerSideParts) {
    this.parts = parts;
  }

  get isAway(): boolean {
    return this.parts.agenda.now < this.awayUntil;
  }

  /** Executes what arrives; undefined while it is away. */
  async execute(call: LedgerCall, origin: Origin): Promise<LedgerAnswer | undefined> {
    if (this.isAway) return undefined;
    const { facts, agenda, note, onMessages } = this.parts;
    const { view } = this;
    const nowUs = this.nowUs();
    const answer = await this.parts.ledger.ask(call, nowUs);
    note(call.method, { call: call.request, reply: answer.reply });
    const before = new Map([...view.rulings].map(([id, { state }]) => [id, state]));
    noteExecuted(view, facts, answer, { ...origin, number: ++this.executions, at: agenda.now, nowUs });
    await this.strikeRound(before);
    onMessages(answer.messages);
    return answer;
  }

  /** What it knows. */
  async read(): Promise<SyncReply> {
    const request = { node: 'op', incarnation: '', since: 0, presence: false, nodeTtlMs: 60_000, limit: 500 };
    const { probeLeaseMs: leaseTtlMs } = this.parts.facts.plan.breaker;
    const asked = { ...request, leaseTtlMs, nonce: 'op', shards: 1, minor: 1 };
    const answer = await this.parts.ledger.ask({ method: 'sync', request: asked }, this.nowUs());
    return answer.reply as SyncReply;
  }

  /** What an operator asks who has read it. */
  async wish(wish: Pick<HoldRequest, 'id' | 'state' | 'forMs' | 'owner' | 'reason'>): Promise<LedgerCall> {
    const { incarnation, nowUs: ticketUs, rulings } = await this.read();
    const sender = { node: 'op', incarnation, ticketUs, fleetSize: this.parts.facts.plan.nodeCount };
    const basis = rulings.find(({ id }) => id === wish.id)?.epoch ?? 0;
    return { method: 'hold', request: { ...wish, ...sender, basis } };
  }

  /** Keys without a time to live. */
  async immortals(): Promise<readonly string[]> {
    return this.parts.ledger.immortals();
  }

  /** Forgets everything. */
  async flushAll(): Promise<void> {
    this.view = emptyView();
    await this.parts.ledger.flushAll();
  }

  /** Comes back as another process, empty. */
  async restart(): Promise<void> {
    this.view = emptyView();
    await this.parts.ledger.restart(this.nextServer());
    this.parts.onCut();
  }

  /** A replica takes over that is `lagMs` behind. */
  async failOver(lagMs: number): Promise<void> {
    if (this.isFailingOver) return;
    await this.copy();
    this.takeOverIn(lagMs);
  }

  /** Answers nobody for so long; 0 ends that. */
  goAway(ms: number): void {
    const { agenda, onCut } = this.parts;
    this.awayUntil = ms === 0 ? 0 : Math.max(this.awayUntil, agenda.now + ms);
    if (ms > 0) onCut();
  }

  // --- internal ---

  private async copy(): Promise<void> {
    this.replica = { at: this.parts.agenda.now, view: structuredClone(this.view) };
    await this.parts.ledger.copy();
  }

  /** Lets the replica take over; its clock differs by up to 500 ms. */
  private takeOverIn(ms: number): void {
    const { agenda, random, note, ledger, onCut } = this.parts;
    this.isFailingOver = true;
    agenda.after(ms, async () => {
      this.isFailingOver = false;
      if (this.replica === undefined || !this.isStormy) return;
      note('a replica takes over', agenda.now - this.replica.at);
      this.view = structuredClone(this.replica.view);
      this.offsetMs = (random() - 0.5) * 1000;
      for (const ruling of this.view.rulings.values())
        ruling.untilUs = Math.min(ruling.untilUs, this.nowUs() + ruling.spanMs * 1000);
      await ledger.takeOver(this.nextServer());
      onCut();
    });
  }

  /** Data is lost where it hurts: a replica has not heard that a round has begun, or all is forgotten in the middle of one. */
  private async strikeRound(before: ReadonlyMap<string, string>): Promise<void> {
    if (!this.isStormy || this.isFailingOver) return;
    for (const [id, { state }] of this.view.rulings) {
      if (before.get(id) === state) continue;
      if (state === 'open' && this.parts.random() < 0.6) await this.copy();
      if (state === 'half-open') this.loseIn(this.parts.random() * this.parts.facts.plan.breaker.probeLeaseMs);
    }
  }

  private loseIn(ms: number): void {
    const { agenda, random } = this.parts;
    const dice = random();
    const isBehind = this.replica !== undefined && agenda.now - this.replica.at < MAX_LAG_MS;
    if (isBehind && dice < 0.5) this.takeOverIn(ms);
    else if (dice > 0.95) agenda.after(ms, () => (this.isStormy ? this.flushAll() : undefined));
  }

  private nowUs(): number {
    return Math.floor((EPOCH_MS + this.parts.agenda.now + this.offsetMs) * 1000);
  }

  private nextServer(): string {
    return `s${++this.serverCount}`;
  }
}

const EPOCH_MS = 1_800_000_000_000;

/** How far behind a replica may be. Milliseconds. */
const MAX_LAG_MS = 3000;
