/**
 * Take model: what `rate-limiter-take.lua` does, in TypeScript, for tests on virtual time and to compare the two.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import { StoreUnavailableError } from '../../packages/redis/src/lua-script.ts';
import type { ScriptInput, ScriptLink } from '../../packages/redis/src/script-link.ts';

/** What the script keeps. Numbers are doubles on both sides. */
export interface TakeState {
  tat: number | undefined;
  em: number | undefined;
  burst: number | undefined;
  /** By node: ticket, granted, at (us). */
  readonly tickets: Map<string, readonly [number, number, number]>;
  /** By node: last seen (ms). */
  readonly seen: Map<string, number>;
}

/** The script's reply, as the client gives it. */
export type TakeModelReply = readonly [number, string, number, number, number, number];

export function emptyTakeState(): TakeState {
  return { tat: undefined, em: undefined, burst: undefined, tickets: new Map(), seen: new Map() };
}

/** Does what the script does at `now` (us). */
export function takeInModel(state: TakeState, args: readonly (string | number)[], now: number): TakeModelReply {
  const request = requestOf(args);
  const { node, ticket, em, burst } = request;
  const last = state.tickets.get(node);
  if (last !== undefined && ticket <= last[0])
    return [ticket === last[0] ? last[1] : 0, String(last[2]), 0, state.seen.size, 0, 1];

  const isChanged = (state.em ?? em) !== em || (state.burst ?? burst) !== burst;
  const tat = charged(rescaled(state, request, now), request, now);
  const nodes = seeNode(state, request, Math.floor(now / 1000));
  const { granted, wait } = grant(tat, request, nodes, now);
  Object.assign(state, { tat: tat + granted * em, em, burst });
  state.tickets.set(node, [ticket, granted, now]);
  return [granted, String(now), wait, nodes, isChanged ? 1 : 0, 0];
}

/** A server of the model's own, with what a network may do to those who ask it. */
export class TakeServer {
  readonly state: TakeState = emptyTakeState();
  /** What each node was granted, repeats not counted. */
  readonly granted = new Map<string, number>();
  /** What was taken back. */
  returned = 0;
  requests = 0;
  /** The server's clock is ahead of the test's by so much. Microseconds. */
  offsetUs = 1_800_000_000_000_000;
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  run({ args }: ScriptInput): TakeModelReply {
    this.requests++;
    const now = Math.round(this.clock.now() * 1000) + this.offsetUs;
    const node = String(args[0]);
    const reply = takeInModel(this.state, args, now);
    if (reply[5] === 1) return reply;
    this.granted.set(node, (this.granted.get(node) ?? 0) + reply[0]);
    this.returned += Number(args[4]);
    return reply;
  }
}

/** What becomes of a request: answered, lost on the way there, lost on the way back, or delayed beyond its time. */
export type Fate = 'answered' | 'lost' | 'unheard' | 'late';

/** A link to a {@link TakeServer}, as one node has it. */
export class TakeLink implements ScriptLink {
  isReady = true;
  latencyMs = 1;
  timeoutMs = 200;
  fate: () => Fate = () => 'answered';
  isClosed = false;
  private readonly listeners = new Set<() => void>();
  private readonly server: TakeServer;
  private readonly clock: Clock;

  constructor(server: TakeServer, clock: Clock) {
    this.server = server;
    this.clock = clock;
  }

  run(_script: unknown, input: ScriptInput): Promise<unknown> {
    if (!this.isReady || this.isClosed) return Promise.reject(new StoreUnavailableError('not ready'));
    const fate = this.fate();
    const at = (delayMs: number, step: () => void): unknown => this.clock.setTimer(step, delayMs);
    return new Promise((resolve, reject) => {
      if (fate !== 'answered') at(this.timeoutMs, () => reject(new StoreUnavailableError('no reply')));
      if (fate === 'unheard') at(this.latencyMs / 2, () => void this.server.run(input));
      if (fate === 'late') at(this.timeoutMs * 2, () => void this.server.run(input));
      if (fate !== 'answered') return;
      at(this.latencyMs / 2, () => {
        const reply = this.server.run(input);
        at(this.latencyMs / 2, () => resolve(reply));
      });
    });
  }

  /** The connection is there, or gone. */
  connect(isReady: boolean): void {
    this.isReady = isReady;
    if (isReady) for (const listener of this.listeners) listener();
  }

  onReady(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  health() {
    const status = this.isReady ? 'ready' : 'reconnecting';
    return { status, answered: this.server.requests, failed: 0, latencyMs: undefined, lastFailure: undefined };
  }

  close(): void {
    this.isClosed = true;
    this.isReady = false;
  }
}

// --- internal ---

/** The script's arguments. */
interface TakeArguments {
  readonly node: string;
  readonly ticket: number;
  readonly want: number;
  readonly least: number;
  readonly back: number;
  readonly backFrom: number;
  readonly debt: number;
  readonly em: number;
  readonly burst: number;
  readonly leaseMs: number;
  readonly nodeTtlMs: number;
}

function requestOf(args: readonly (string | number)[]): TakeArguments {
  const names = ['ticket', 'want', 'least', 'back', 'backFrom', 'debt', 'em', 'burst', 'leaseMs', 'nodeTtlMs'];
  const numbers = names.map((name, index) => [name, Number(args[index + 1])] as const);
  return { node: String(args[0]), ...Object.fromEntries(numbers) } as unknown as TakeArguments;
}

function rescaled(state: TakeState, { em, burst }: TakeArguments, now: number): number {
  let tat = state.tat ?? now;
  const before = state.em ?? em;
  if (before !== em && tat > now) tat = now + ((tat - now) / before) * em;
  return Math.min(tat, now + burst * em);
}

function charged(from: number, { back, backFrom, debt, em, burst, leaseMs }: TakeArguments, now: number): number {
  const isBackInTime = back > 0 && backFrom <= now && now - backFrom <= 2 * leaseMs * 1000;
  const tat = Math.max(isBackInTime ? from - back * em : from, now);
  return debt > 0 ? Math.min(tat + debt * em, now + burst * em) : tat;
}

function seeNode(state: TakeState, { node, nodeTtlMs }: TakeArguments, nowMs: number): number {
  state.seen.set(node, nowMs);
  for (const [other, seenAt] of state.seen) {
    if (seenAt > nowMs - nodeTtlMs && seenAt < nowMs + nodeTtlMs) continue;
    state.seen.delete(other);
    state.tickets.delete(other);
  }
  return state.seen.size;
}

function grant(tat: number, { want, least, em, burst }: TakeArguments, nodes: number, now: number) {
  const top = now + burst * em;
  const there = Math.min(burst, Math.floor((top - tat) / em + 1e-6));
  const most = Math.min(want, there, Math.max(1, least, Math.floor(burst / nodes)));
  const granted = most < least ? 0 : most;
  const missing = granted > 0 ? 1 : Math.max(1, least);
  return { granted, wait: Math.max(0, Math.ceil(tat + granted * em + missing * em - top)) };
}
