/**
 * Timed ledger: the shipped scripts on a real server, at a time that the test decides.
 *
 * Production scripts take the time, the server's identity and the way to publish from the server, each in one place. Here
 * these three calls are replaced, in the text, by reads and writes of keys of the test: everything else is what is shipped.
 * Each must be there exactly once, or the replacement throws.
 *
 * @module
 */

import type {
  FlushReply,
  FlushRequest,
  HoldReply,
  HoldRequest,
  StepReply,
  StepRequest,
  SyncReply,
  SyncRequest,
} from '@holdfast/core/fleet';
import type { Redis } from 'ioredis';

import { circuitFlush, flushInput, readFlushReply } from '../../../packages/redis/src/circuit/circuit-flush.ts';
import { circuitHold, holdInput, readHoldReply } from '../../../packages/redis/src/circuit/circuit-hold.ts';
import { circuitKeys } from '../../../packages/redis/src/circuit/circuit-keys.ts';
import type { CircuitPlace } from '../../../packages/redis/src/circuit/circuit-reply.ts';
import { circuitStep, readStepReply, stepInput } from '../../../packages/redis/src/circuit/circuit-step.ts';
import { circuitSync, readSyncReply, syncInput } from '../../../packages/redis/src/circuit/circuit-sync.ts';
import { type ReadMessage, readMessage } from '../../../packages/redis/src/circuit/wire.ts';
import { type LuaScript, luaScript } from '../../../packages/redis/src/lua-script.ts';
import type { ScriptInput } from '../../../packages/redis/src/script-link.ts';

/** What a node can ask, and with what. */
export type LedgerCall =
  | { readonly method: 'sync'; readonly request: SyncRequest }
  | { readonly method: 'step'; readonly request: StepRequest }
  | { readonly method: 'flush'; readonly request: FlushRequest }
  | { readonly method: 'hold'; readonly request: HoldRequest };

/** A reply to any of them. */
type LedgerReply = SyncReply | StepReply | FlushReply | HoldReply;

/** What came of a call. */
export interface LedgerAnswer {
  readonly reply: LedgerReply;
  readonly messages: readonly (ReadMessage | undefined)[];
}

/** The shipped scripts, at times of the test. */
export interface TimedLedger {
  /** Runs one call at `nowUs`. */
  ask(call: LedgerCall, nowUs: number): Promise<LedgerAnswer>;
  /** Who the server says it is: '' where it must not be asked. */
  serverId: string;
  /** Keys of the namespace. */
  keys(): Promise<string[]>;
  /** Deletes them. */
  flushAll(): Promise<void>;
  /** Copies them; calling the result brings them back, and nothing else. */
  snapshot(): Promise<() => Promise<void>>;
}

/** Runs the scripts in a namespace of its own. */
export function timedLedger(redis: Redis, namespace: string): TimedLedger {
  const place = { keys: circuitKeys({ prefix: 'rb', namespace, shard: 0 }), publishCommand: 'PUBLISH' } as const;
  const run = runner(redis);
  const keys = (): Promise<string[]> => redis.keys(`rb*{${namespace}/*`);
  const ledger: TimedLedger = {
    serverId: 'first',
    keys,
    ask: async (call, nowUs) => {
      const [script, input, read] = scriptOf(place, call);
      const { reply, messages } = await run(script, input, { nowUs, serverId: ledger.serverId });
      return { reply: read(reply), messages };
    },
    flushAll: async () => void (await redis.del(...(await keys()), 'test:none')),
    snapshot: async () => {
      const names = await keys();
      const dumps = await Promise.all(names.map((name) => redis.dumpBuffer(name)));
      return async () => {
        await ledger.flushAll();
        await Promise.all(names.map((name, index) => redis.restore(name, DAY_MS, dumps[index] ?? '')));
      };
    },
  };
  return ledger;
}

// --- internal ---

const DAY_MS = 86_400_000;

interface LuaRun {
  readonly reply: unknown;
  readonly messages: readonly (ReadMessage | undefined)[];
}

/** What a script is told of the world. */
interface World {
  readonly nowUs: number;
  readonly serverId: string;
}

function runner(redis: Redis): (script: LuaScript, input: ScriptInput, world: World) => Promise<LuaRun> {
  const loaded = new Set<string>();
  return async (script, { keys, args }, { nowUs, serverId }) => {
    const { text, sha } = timed(script);
    if (!loaded.has(sha)) await redis.script('LOAD', text);
    loaded.add(sha);
    const results = await redis
      .multi()
      .mset('test:now', nowUs, 'test:server', serverId)
      .evalsha(sha, keys.length, ...keys, ...args)
      .lrange('test:messages', 0, -1)
      .del('test:messages')
      .exec();
    const [error, reply] = results?.[1] ?? [new Error('no reply')];
    if (error !== null) throw error;
    const published = (results?.[2]?.[1] ?? []) as string[];
    return { reply, messages: published.map(readMessage) };
  };
}

function scriptOf(
  place: CircuitPlace,
  call: LedgerCall,
): readonly [script: LuaScript, input: ScriptInput, read: (reply: unknown) => LedgerReply] {
  switch (call.method) {
    case 'sync':
      return [circuitSync, syncInput(place, call.request), readSyncReply];
    case 'step':
      return [circuitStep, stepInput(place, call.request), (reply) => readStepReply(reply, call.request)];
    case 'flush':
      return [circuitFlush, flushInput(place, call.request), (reply) => readFlushReply(reply, call.request)];
    case 'hold':
      return [circuitHold, holdInput(place, call.request), readHoldReply];
  }
}

const timedScripts = new Map<string, LuaScript>();

function timed({ name, text }: LuaScript): LuaScript {
  const known = timedScripts.get(name);
  if (known !== undefined) return known;
  const withTime = replaceOnce(text, "redis.call('TIME')", timeOfTest);
  const withServer = replaceOnce(withTime, "redis.pcall('INFO', 'server')", serverOfTest);
  const all = replaceOnce(
    withServer,
    'redis.pcall(ARGV[2], ARGV[1], text)',
    "redis.call('RPUSH', 'test:messages', text)",
  );
  const script = luaScript(name, all);
  timedScripts.set(name, script);
  return script;
}

const timeOfTest = `(function()
  local us = redis.call('GET', 'test:now')
  return {string.sub(us, 1, -7), string.sub(us, -6)}
end)()`;

const serverOfTest = `'run_id:' .. redis.call('GET', 'test:server')`;

function replaceOnce(text: string, find: string, replacement: string): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${find} is there ${parts.length - 1} times`);
  return parts.join(replacement);
}
