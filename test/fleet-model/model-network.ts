/**
 * Model network: carries requests, replies and messages between processes and ledger: late, in another order, twice, or not
 * at all. Ghosts are requests that are executed again when nobody waits for a reply any more.
 *
 * @module
 */

import type { FlushRequest, LedgerPort, RulingMessage, StepRequest } from '@holdfast/core/fleet';

import type { Agenda } from './agenda.ts';
import { checkI4Sent, checkI9Claim, checkI20Told } from './check-requests.ts';
import type { Facts } from './facts.ts';
import { type LedgerAnswer, type LedgerCall, rulingsOf } from './model-ledger.ts';
import type { ModelProcess } from './model-process.ts';

/** How bad it is now. */
export interface Weather {
  /** Shares of requests, replies and messages that are lost, and of requests that are executed again. */
  readonly lostRequests: number;
  readonly lostReplies: number;
  readonly lostMessages: number;
  readonly ghosts: number;
  /** Share of what is delayed, and by how much at most. Milliseconds. */
  readonly late: number;
  readonly maxDelayMs: number;
}

/** A network on a good day, and on a bad one. */
export const fair: Weather = { lostRequests: 0, lostReplies: 0, lostMessages: 0, ghosts: 0, late: 0, maxDelayMs: 0 };
export const foul: Weather = {
  lostRequests: 0.03,
  lostReplies: 0.04,
  lostMessages: 0.2,
  ghosts: 0.12,
  late: 0.12,
  maxDelayMs: 4000,
};

/** What a network is made of. */
export interface NetworkParts {
  readonly agenda: Agenda;
  readonly random: () => number;
  readonly facts: Facts;
  /** Executes a request; undefined while the ledger is away. */
  readonly execute: (call: LedgerCall, origin: Origin) => Promise<LedgerAnswer | undefined>;
  /** A promise has been settled for which a process waits: it goes on before anything else happens. */
  readonly onSettled: (process: ModelProcess) => void;
}

/** Which request it is that is executed. */
export interface Origin {
  readonly request: number;
  readonly hasGhost: boolean;
}

/** Carries everything. */
export class ModelNetwork {
  private readonly parts: NetworkParts;
  private requests = 0;
  weather: Weather = fair;

  constructor(parts: NetworkParts) {
    this.parts = parts;
  }

  /** The way of `process` to the ledger. */
  port(process: ModelProcess): LedgerPort {
    return {
      sync: async (request) => {
        const { reply } = (await this.ask(process, { method: 'sync', request })) as LedgerAnswer & { method: 'sync' };
        process.syncCount++;
        return reply;
      },
      step: async (request) => {
        this.checkStep(process, request);
        return ((await this.ask(process, { method: 'step', request })) as LedgerAnswer & { method: 'step' }).reply;
      },
      flush: async (request) => {
        this.checkFlush(process, request);
        return ((await this.ask(process, { method: 'flush', request })) as LedgerAnswer & { method: 'flush' }).reply;
      },
      hold: () => Promise.reject(new Error('operators ask otherwise')),
    };
  }

  /** Tells all who listen. */
  tell(messages: readonly RulingMessage[], processes: Iterable<ModelProcess>): void {
    for (const message of messages) {
      for (const process of processes) {
        if (!process.isSubscribed || this.parts.random() < this.weather.lostMessages) continue;
        this.parts.agenda.after(this.delayMs(), () => process.hear(message));
      }
    }
  }

  /** Carries what an operator asks, and in bad weather carries it again. */
  operate(call: LedgerCall, delayMs: number): void {
    const { agenda, random, execute } = this.parts;
    const origin = { request: ++this.requests, hasGhost: random() < this.weather.ghosts * OPERATORS_GHOSTS };
    agenda.after(delayMs, async () => void (await execute(call, origin)));
    if (origin.hasGhost) agenda.after(delayMs + this.ghostMs(), async () => void (await execute(call, origin)));
  }

  // --- internal ---

  private async ask(process: ModelProcess, call: LedgerCall): Promise<LedgerAnswer> {
    const { agenda, random, facts } = this.parts;
    const { weather } = this;
    const hasGhost = random() < weather.ghosts;
    const origin = { request: ++this.requests, hasGhost };
    process.noteRequests(1);
    return new Promise<LedgerAnswer>((resolve, reject) => {
      const timer = process.clock.setTimer(
        () => settle(() => reject(new Error('no reply in time'))),
        facts.plan.timeoutMs,
      );
      let isSettled = false;
      const settle = (how: () => void): void => {
        if (isSettled) return;
        isSettled = true;
        timer.cancel();
        process.noteRequests(-1);
        how();
        this.parts.onSettled(process);
      };
      if (random() >= weather.lostRequests)
        agenda.after(this.delayMs(), () => this.arrive(process, call, { ...origin, settle, resolve, reject }));
      if (hasGhost)
        agenda.after(this.delayMs() + this.ghostMs(), async () => void (await this.parts.execute(call, origin)));
    });
  }

  private async arrive(process: ModelProcess, call: LedgerCall, waiting: Waiting): Promise<void> {
    const { request, hasGhost, settle, resolve, reject } = waiting;
    const answer = await this.parts.execute(call, { request, hasGhost });
    if (answer === undefined) {
      this.parts.agenda.after(1, () => process.deliver(() => settle(() => reject(new Error('the ledger is away')))));
      return;
    }
    if (this.parts.random() < this.weather.lostReplies) return;
    this.parts.agenda.after(this.delayMs(), () =>
      process.deliver(() =>
        settle(() => {
          process.noteTold(rulingsOf(answer));
          resolve(answer);
        }),
      ),
    );
  }

  /** How much later a ghost comes: usually soon, and now and then after longer than any ticket is good for. */
  private ghostMs(): number {
    const { random } = this.parts;
    const dice = random();
    return random() * (dice < 0.5 ? SOON_MS : dice < 0.8 ? GHOST_MS : LATE_GHOST_MS);
  }

  private delayMs(): number {
    const { random } = this.parts;
    const { late, maxDelayMs } = this.weather;
    if (random() < late) return random() ** 2 * maxDelayMs;
    return 0.2 + random() * (random() < 0.5 ? 2 : 15);
  }

  private checkStep(process: ModelProcess, { proposals }: StepRequest): void {
    this.parts.facts.check(() => {
      process.check();
      for (const proposal of proposals) {
        if (proposal.kind === 'claim') checkI9Claim(process, proposal);
        if (proposal.kind === 'trip') checkI4Sent(process, proposal);
      }
    });
  }

  private checkFlush(process: ModelProcess, { items }: FlushRequest): void {
    this.parts.facts.check(() => checkI20Told(process, items));
  }
}

// --- internal ---

const [SOON_MS, GHOST_MS, LATE_GHOST_MS] = [600, 5000, 120_000];

/** How much more often what an operator asks is executed again: it is asked so rarely. */
const OPERATORS_GHOSTS = 3;

interface Waiting extends Origin {
  readonly settle: (how: () => void) => void;
  readonly resolve: (answer: LedgerAnswer) => void;
  readonly reject: (error: Error) => void;
}
