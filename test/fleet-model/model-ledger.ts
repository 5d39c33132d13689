/**
 * Model ledger: what the simulated nodes ask: the ledger in memory, or the shipped scripts on a server (`script-ledger.ts`), at
 * times that the world decides, and with the faults of a server.
 *
 * @module
 */

import {
  type FlushReply,
  type FlushRequest,
  type HoldReply,
  type HoldRequest,
  type Ruling,
  type RulingMessage,
  type StepReply,
  type StepRequest,
  type SyncReply,
  type SyncRequest,
  memoryLedger,
} from '@holdfast/core/fleet';

/** What a node asks. */
export type LedgerCall =
  | { readonly method: 'sync'; readonly request: SyncRequest }
  | { readonly method: 'step'; readonly request: StepRequest }
  | { readonly method: 'flush'; readonly request: FlushRequest }
  | { readonly method: 'hold'; readonly request: HoldRequest };

/** What it is answered, and what is told to all. */
export type LedgerAnswer = { readonly messages: readonly RulingMessage[] } & (
  | { readonly method: 'sync'; readonly request: SyncRequest; readonly reply: SyncReply }
  | { readonly method: 'step'; readonly request: StepRequest; readonly reply: StepReply }
  | { readonly method: 'flush'; readonly request: FlushRequest; readonly reply: FlushReply }
  | { readonly method: 'hold'; readonly request: HoldRequest; readonly reply: HoldReply }
);

/** The rulings in an answer, in its order. */
export function rulingsOf({ reply }: LedgerAnswer): readonly Ruling[] {
  if ('rulings' in reply) return reply.rulings;
  if ('ruling' in reply) return [reply.ruling];
  return reply.results.flatMap(({ ruling }) => (ruling === undefined ? [] : [ruling]));
}

/** A ledger of a simulated world. */
export interface ModelLedger {
  /** Does what is asked, at `nowUs`. */
  ask(call: LedgerCall, nowUs: number): LedgerAnswer | Promise<LedgerAnswer>;
  /** Forgets everything. */
  flushAll(): void | Promise<void>;
  /** Is another server process from now on, and an empty one. */
  restart(serverId: string): void | Promise<void>;
  /** Copies all that it knows. One copy is kept. */
  copy(): void | Promise<void>;
  /** Is another server process from now on, which knows what was copied last: a replica that took over. */
  takeOver(serverId: string): void | Promise<void>;
  /** Keys without a time to live. */
  immortals(): readonly string[] | Promise<readonly string[]>;
}

/** Makes the ledger of one world. */
export type MakeLedger = (world: string, circuits: readonly string[]) => ModelLedger;

/** The ledger in memory. */
export const inMemory: MakeLedger = () => {
  const messages: RulingMessage[] = [];
  const ledger = memoryLedger({ serverId: 'first', onMessage: (message) => void messages.push(message) });
  let takeOver: ((serverId: string) => void) | undefined;
  return {
    ask(call, nowUs) {
      const answer = askMemory(call, nowUs);
      answer.messages.push(...messages.splice(0));
      return answer;
    },
    flushAll: () => ledger.flushAll(),
    restart: (serverId) => ledger.restart(serverId),
    copy: () => void (takeOver = ledger.snapshot()),
    takeOver: (serverId) => takeOver?.(serverId),
    immortals: () => [],
  };

  function askMemory(call: LedgerCall, nowUs: number): LedgerAnswer & { messages: RulingMessage[] } {
    switch (call.method) {
      case 'sync':
        return { ...call, reply: ledger.sync(call.request, nowUs), messages: [] };
      case 'step':
        return { ...call, reply: ledger.step(call.request, nowUs), messages: [] };
      case 'flush':
        return { ...call, reply: ledger.flush(call.request, nowUs), messages: [] };
      case 'hold':
        return { ...call, reply: ledger.hold(call.request, nowUs), messages: [] };
    }
  }
};
