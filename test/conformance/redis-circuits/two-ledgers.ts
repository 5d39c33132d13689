/**
 * Two ledgers: the scripts and the ledger in memory, asked the same at the same time.
 *
 * @module
 */

import type { MemoryLedger, RulingMessage, memoryLedger } from '@holdfast/core/fleet';

import type { Deed } from './deeds.ts';
import { RandomFleet } from './random-fleet.ts';
import type { LedgerAnswer, LedgerCall, TimedLedger } from './timed-ledger.ts';

/** How a ledger in memory is made: the shipped one, or one that was broken on purpose. */
export type MakeLedger = typeof memoryLedger;

/** Something that has been done, with what it came to for the scripts: it can be done again to another ledger. */
export type Done =
  | { readonly done: 'asked'; readonly call: LedgerCall; readonly nowUs: number; readonly answer: LedgerAnswer }
  | {
      readonly done: 'server';
      readonly what: ServerDeed;
      readonly id: string;
    };

/** Does deeds to the scripts, one after the other. */
export async function playScripts(ledger: TimedLedger, deeds: readonly Deed[]): Promise<Done[]> {
  const fleet = new RandomFleet();
  const server = serverOf(ledger);
  const all: Done[] = [];
  let nowUs = 1_800_000_000_123_456;
  for (const [index, deed] of deeds.entries()) {
    if (deed.deed === 'time') nowUs += deed.us;
    if (deed.deed === 'server') all.push(...(await server(deed.what, `s${index}`)));
    const call = fleet.callOf(deed);
    if (call === undefined) continue;
    const answer = await ledger.ask(call, nowUs);
    fleet.learn(call, answer);
    all.push({ done: 'asked', call, nowUs, answer });
  }
  return all;
}

/** What the ledger in memory says to what was done; yields the first difference, or nothing. */
export function firstDifference(
  all: readonly Done[],
  make: MakeLedger,
  same: (a: unknown, b: unknown) => boolean,
): Difference | undefined {
  const messages: RulingMessage[] = [];
  const ledger = make({ serverId: 'first', onMessage: (message) => messages.push(message) });
  let restore: ((id: string) => void) | undefined;
  for (const [index, each] of all.entries()) {
    if (each.done === 'server') {
      restore = serve(ledger, each, restore);
      continue;
    }
    const expected = plain(each.answer);
    const reply = ask(ledger, each.call, each.nowUs);
    const actual = plain({ reply, messages: messages.splice(0) } as unknown as LedgerAnswer);
    if (!same(actual, expected)) return { index, call: each.call, scripts: expected, memory: actual };
  }
  return undefined;
}

/** Where the two part. */
export interface Difference {
  readonly index: number;
  readonly call: LedgerCall;
  readonly scripts: unknown;
  readonly memory: unknown;
}

// --- internal ---

type ServerDeed = (Deed & { deed: 'server' })['what'];

/** What a server goes through, and what of it has come about: no failover without a snapshot. */
function serverOf(ledger: TimedLedger): (what: ServerDeed, name: string) => Promise<Done[]> {
  let restore: (() => Promise<void>) | undefined;
  const acts: Readonly<Record<ServerDeed, () => Promise<void> | void>> = {
    flush: () => ledger.flushAll(),
    restart: () => ledger.flushAll(),
    failover: () => restore?.(),
    snapshot: async () => void (restore = await ledger.snapshot()),
    'deny-info': () => {},
  };
  return async (what, name) => {
    if (what === 'failover' && restore === undefined) return [];
    const id = what === 'deny-info' ? '' : name;
    await acts[what]();
    if (what !== 'snapshot' && what !== 'flush') ledger.serverId = id;
    return [{ done: 'server', what, id }];
  };
}

function ask(ledger: MemoryLedger, call: LedgerCall, nowUs: number): unknown {
  switch (call.method) {
    case 'sync':
      return ledger.sync(call.request, nowUs);
    case 'step':
      return ledger.step(call.request, nowUs);
    case 'flush':
      return ledger.flush(call.request, nowUs);
    case 'hold':
      return ledger.hold(call.request, nowUs);
  }
}

function serve(
  ledger: MemoryLedger,
  { what, id }: Done & { done: 'server' },
  restore: ((id: string) => void) | undefined,
): ((id: string) => void) | undefined {
  if (what === 'snapshot') return ledger.snapshot();
  if (what === 'flush') ledger.flushAll();
  if (what === 'restart') ledger.restart(id);
  if (what === 'failover') restore?.(id);
  if (what === 'deny-info') ledger.snapshot()(id);
  return restore;
}

/** Without what may differ: words for people, and what only the wire has. */
function plain({ reply, messages }: LedgerAnswer): unknown {
  const { unreadable, ...rest } = reply as LedgerAnswer['reply'] & { readonly unreadable?: readonly unknown[] };
  if (unreadable !== undefined && unreadable.length > 0) throw new Error('a ruling cannot be read');
  const results = 'results' in rest ? { results: rest.results.map(withoutWords) } : {};
  return {
    reply: { ...rest, ...results },
    messages: messages.map((message) => ({ ...message, unreadable: [] })),
  };
}

function withoutWords(result: object): object {
  return 'message' in result ? { ...result, message: '' } : result;
}
