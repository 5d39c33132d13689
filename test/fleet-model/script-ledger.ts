/**
 * Script ledger: the shipped scripts on a real server, at a time that the world decides.
 *
 * Scripts take the time, the server's identity and the way to publish from the server, each in one place. Here these three
 * calls are replaced in the text by the last two arguments and by one more part of the reply, so that a request is one command;
 * everything else is what is shipped, but for the rules that a {@link ScriptBreak} removes.
 *
 * @module
 */

import { type LedgerPort, type RulingMessage } from '@holdfast/core/fleet';
import type { Redis } from 'ioredis';

import { circuitFlush, flushInput, readFlushReply } from '../../packages/redis/src/circuit/circuit-flush.ts';
import { circuitHold, holdInput, readHoldReply } from '../../packages/redis/src/circuit/circuit-hold.ts';
import { circuitKeys } from '../../packages/redis/src/circuit/circuit-keys.ts';
import type { CircuitPlace } from '../../packages/redis/src/circuit/circuit-reply.ts';
import { circuitStep, readStepReply, stepInput } from '../../packages/redis/src/circuit/circuit-step.ts';
import { circuitSync, readSyncReply, syncInput } from '../../packages/redis/src/circuit/circuit-sync.ts';
import { readMessage } from '../../packages/redis/src/circuit/wire.ts';
import { type LuaScript, luaScript } from '../../packages/redis/src/lua-script.ts';
import type { ScriptInput } from '../../packages/redis/src/script-link.ts';
import type { LedgerAnswer, LedgerCall, MakeLedger, ModelLedger } from './model-ledger.ts';

/** A rule that is removed from the texts of the scripts. */
export interface ScriptBreak {
  /** What is there at least once in each text that has it, and in at least one; each time it is replaced. */
  readonly find: string;
  readonly replace: string;
}

/** The scripts on the server behind `redis`; without the rules that `broken` removes. Names of worlds must differ. */
export function onServer(redis: Redis, broken: readonly ScriptBreak[] = []): MakeLedger {
  const scripts = timedScripts(broken);
  return (world, circuits) => new ScriptLedger({ redis, scripts }, world, circuits);
}

// --- internal ---

/** What PTTL says of a key without a time to live. */
const FOR_EVER = -1;

interface ScriptRun {
  readonly reply: unknown;
  readonly messages: readonly RulingMessage[];
}

type ScriptName = keyof LedgerPort;

interface ScriptParts {
  readonly redis: Redis;
  readonly scripts: Readonly<Record<ScriptName, LuaScript>>;
}

class ScriptLedger implements ModelLedger {
  readonly #parts: ScriptParts;
  readonly #place: CircuitPlace;
  readonly #keys: readonly string[];
  #server = 'first';

  constructor(parts: ScriptParts, world: string, circuits: readonly string[]) {
    const keys = circuitKeys({ prefix: 'rb', namespace: world, shard: 0 });
    const perCircuit = circuits.flatMap((id) => [keys.round(id), keys.ballots(id), keys.window(id)]);
    this.#parts = parts;
    this.#place = { keys, publishCommand: 'PUBLISH' };
    this.#keys = [keys.meta, keys.rulings, keys.changes, keys.nodes, keys.audit, ...perCircuit];
  }

  async ask(call: LedgerCall, nowUs: number): Promise<LedgerAnswer> {
    return askScripts(this.#parts.scripts, this.#place, call, (script, input) => this.#run(script, input, nowUs));
  }

  async flushAll(): Promise<void> {
    await this.#parts.redis.del(...this.#keys);
  }

  async restart(serverId: string): Promise<void> {
    this.#server = serverId;
    await this.flushAll();
  }

  async copy(): Promise<void> {
    await Promise.all(this.#keys.map((key) => this.#copyKey(key, copyOf(key))));
  }

  async takeOver(serverId: string): Promise<void> {
    this.#server = serverId;
    await Promise.all(this.#keys.map((key) => this.#copyKey(copyOf(key), key)));
  }

  async immortals(): Promise<readonly string[]> {
    const lives = await Promise.all(this.#keys.map((key) => this.#parts.redis.pttl(key)));
    return this.#keys.filter((_key, index) => lives[index] === FOR_EVER);
  }

  async #run(script: LuaScript, input: ScriptInput, nowUs: number): Promise<ScriptRun> {
    const args = [...input.keys, ...input.args.map(String), nowUs.toFixed(0), this.#server];
    const parts = (await evaluate(this.#parts.redis, script, input.keys.length, args)) as unknown[];
    const text = parts.pop() as string;
    const message = text === '' ? undefined : readMessage(text);
    return { reply: parts, messages: message === undefined ? [] : [message] };
  }

  async #copyKey(from: string, to: string): Promise<void> {
    const isThere = await this.#parts.redis.copy(from, to, 'REPLACE');
    if (isThere === 0) await this.#parts.redis.del(to);
  }
}

function copyOf(key: string): string {
  return `copy:${key}`;
}

async function askScripts(
  scripts: Readonly<Record<ScriptName, LuaScript>>,
  place: CircuitPlace,
  call: LedgerCall,
  run: (script: LuaScript, input: ScriptInput) => Promise<ScriptRun>,
): Promise<LedgerAnswer> {
  switch (call.method) {
    case 'sync': {
      const { reply, messages } = await run(scripts.sync, syncInput(place, call.request));
      return { ...call, reply: readSyncReply(reply), messages };
    }
    case 'step': {
      const { reply, messages } = await run(scripts.step, stepInput(place, call.request));
      return { ...call, reply: readStepReply(reply, call.request), messages };
    }
    case 'flush': {
      const { reply, messages } = await run(scripts.flush, flushInput(place, call.request));
      return { ...call, reply: readFlushReply(reply, call.request), messages };
    }
    case 'hold': {
      const { reply, messages } = await run(scripts.hold, holdInput(place, call.request));
      return { ...call, reply: readHoldReply(reply), messages };
    }
  }
}

async function evaluate(redis: Redis, { sha, text }: LuaScript, keyCount: number, args: string[]): Promise<unknown> {
  try {
    return await redis.evalsha(sha, keyCount, ...args);
  } catch (error) {
    if (!String(error).includes('NOSCRIPT')) throw error;
    return redis.eval(text, keyCount, ...args);
  }
}

function timedScripts(broken: readonly ScriptBreak[]): Readonly<Record<ScriptName, LuaScript>> {
  const all = { sync: circuitSync, step: circuitStep, flush: circuitFlush, hold: circuitHold };
  for (const { find } of broken) {
    if (!Object.values(all).some(({ text }) => text.includes(find))) throw new Error(`no script has ${find}`);
  }
  const timed = ({ name, text }: LuaScript): LuaScript => {
    const without = broken.reduce((rest, { find, replace }) => rest.replaceAll(find, () => replace), text);
    return luaScript(name, atTimeOfTest(without));
  };
  return { sync: timed(all.sync), step: timed(all.step), flush: timed(all.flush), hold: timed(all.hold) };
}

function atTimeOfTest(text: string): string {
  const withTime = replaceOnce(text, "redis.call('TIME')", '{string.sub(testNow, 1, -7), string.sub(testNow, -6)}');
  const withServer = replaceOnce(withTime, "redis.pcall('INFO', 'server')", "'run_id:' .. testServer");
  const told = replaceOnce(withServer, 'redis.pcall(ARGV[2], ARGV[1], text)', 'testMessage = text');
  const end = told.lastIndexOf('return result');
  return `${opening}${told.slice(0, end)}result[#result + 1] = testMessage\n${told.slice(end)}`;
}

const opening = `local testServer = table.remove(ARGV)
local testNow = table.remove(ARGV)
local testMessage = ''
`;

function replaceOnce(text: string, find: string, replacement: string): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${find} is there ${parts.length - 1} times`);
  return parts.join(replacement);
}
