/**
 * Redis ledger: the ledger of one shard, asked by scripts over a connection that all shards share.
 *
 *   request ─► encode ─► EVALSHA, or EVAL ─► decode ─► reply
 *                └─► no reply in time, no connection, an error, a reply that nobody can read ─► rejects
 *
 * Invariants
 *  (1) Each method settles within `timeoutMs`, whatever the connection does: with the reply, or rejected.
 *  (2) Each request is counted once, by operation and by what came of it.
 *  (3) A server that takes no writes does not pass for one that answers: from the first write that it refuses, or may have
 *      refused, each sync is one, until it takes one.
 *
 * @module
 */

import { type Clock, type StoreOperation, messageOf } from '@holdfast/core';
import type {
  FlushReply,
  FlushRequest,
  HoldReply,
  HoldRequest,
  LedgerPort,
  StepReply,
  StepRequest,
  SyncReply,
  SyncRequest,
} from '@holdfast/core/fleet';

import { circuitFlush, flushInput, readFlushReply } from '../circuit/circuit-flush.ts';
import { circuitHold, holdInput, readHoldReply } from '../circuit/circuit-hold.ts';
import type { CircuitKeys } from '../circuit/circuit-keys.ts';
import type { CircuitPlace, HasUnreadable } from '../circuit/circuit-reply.ts';
import { circuitStep, readStepReply, stepInput } from '../circuit/circuit-step.ts';
import { circuitSync, readSyncReply, syncInput } from '../circuit/circuit-sync.ts';
import type { UnreadableRuling } from '../circuit/wire.ts';
import { type LuaScript, StoreUnavailableError, runScript } from '../lua-script.ts';
import type { OwnConnection } from '../redis-client.ts';
import type { ScriptInput } from '../script-link.ts';
import { troubleOf } from '../server-trouble.ts';
import type { RequestLog } from './request-log.ts';

/** How one kind of request crosses the wire. */
export interface Exchange<Request, Reply> {
  readonly script: LuaScript;
  readonly encode: (request: Request) => ScriptInput;
  /** Throws where the reply cannot be read. */
  readonly decode: (reply: unknown, request: Request) => Reply;
}

/** How the requests to the ledger of one shard cross the wire. */
export interface LedgerWire {
  readonly sync: Exchange<SyncRequest, SyncReply & HasUnreadable>;
  readonly step: Exchange<StepRequest, StepReply & HasUnreadable>;
  readonly flush: Exchange<FlushRequest, FlushReply & HasUnreadable>;
  readonly hold: Exchange<HoldRequest, HoldReply>;
}

/** What a ledger is made of. */
export interface RedisLedgerParts {
  readonly wire: LedgerWire;
  readonly connection: OwnConnection;
  readonly clock: Clock;
  /** Time after which a request counts as lost. Milliseconds. */
  readonly timeoutMs: number;
  readonly log: RequestLog;
  /** Told of rulings of a later version that a reply has. */
  readonly onUnreadable: (rulings: readonly UnreadableRuling[]) => void;
}

/** How the scripts of a shard are asked, as long as `publishCommand` says how its messages are published. */
export function ledgerWire(keys: CircuitKeys, publishCommand: () => CircuitPlace['publishCommand']): LedgerWire {
  const place = (): CircuitPlace => ({ keys, publishCommand: publishCommand() });
  return {
    sync: { script: circuitSync, encode: (request) => syncInput(place(), request), decode: readSyncReply },
    step: { script: circuitStep, encode: (request) => stepInput(place(), request), decode: readStepReply },
    flush: { script: circuitFlush, encode: (request) => flushInput(place(), request), decode: readFlushReply },
    hold: { script: circuitHold, encode: (request) => holdInput(place(), request), decode: readHoldReply },
  };
}

/** Makes the ledger of a shard. */
export function redisLedger(parts: RedisLedgerParts): LedgerPort {
  const { wire } = parts;
  let takesWrites = true;
  const write = async <Reply extends object>(request: Promise<Reply>): Promise<Reply> => {
    try {
      const reply = await request;
      takesWrites = !hasFailed(reply);
      return reply;
    } catch (error) {
      if (isRefusedWrite(error)) takesWrites = false;
      throw error;
    }
  };
  const sync = (request: SyncRequest): Promise<SyncReply> => ask(parts, 'sync', wire.sync, request);
  return {
    sync: (request) => (request.presence || !takesWrites ? write(sync({ ...request, presence: true })) : sync(request)), // (3)
    step: (request) => write(ask(parts, 'step', wire.step, request)),
    flush: (request) => write(ask(parts, 'flush', wire.flush, request)),
    hold: (request) => ask(parts, 'hold', wire.hold, request),
  };
}

// --- internal ---

async function ask<Request, Reply extends object>(
  { connection, clock, timeoutMs, log, onUnreadable }: RedisLedgerParts,
  operation: StoreOperation,
  { script, encode, decode }: Exchange<Request, Reply>,
  request: Request,
): Promise<Reply> {
  const run = async (): Promise<Reply> => {
    const reply = await runScript(connection, script, { ...encode(request), timeoutMs }, clock); // (1)
    return decode(reply, request);
  };
  const answer = await log.count(operation, run, denialIn); // (2)
  const { unreadable = [] } = answer as Partial<HasUnreadable>;
  if (unreadable.length > 0) onUnreadable(unreadable);
  return answer;
}

/** Whether a server that can be asked takes no writes. */
function isRefusedWrite(error: unknown): boolean {
  return error instanceof StoreUnavailableError && REFUSED_WRITE.test(messageOf(error.cause));
}

/** Whether a part of what was asked failed: it may be the only one that needed a write. */
function hasFailed(reply: object): boolean {
  return resultsOf(reply).some(({ code }) => code === 'failed');
}

interface AnyResult {
  readonly code?: string;
  readonly message?: string;
}

function resultsOf(reply: object): readonly AnyResult[] {
  return (reply as { readonly results?: readonly AnyResult[] }).results ?? [];
}

const REFUSED_WRITE = /\b(?:READONLY|MISCONF|OOM|NOREPLICAS|NOPERM)\b/;

/** The server's words, where a part of what was asked failed because it is not allowed. */
function denialIn(reply: object): string | undefined {
  return resultsOf(reply).find(({ message }) => message !== undefined && troubleOf(message) === 'denied')?.message;
}
