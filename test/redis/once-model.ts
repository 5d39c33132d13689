/**
 * Once model: what the scripts of `once` do, in TypeScript, for tests on virtual time and to compare the two.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import { type LuaScript, StoreUnavailableError } from '../../packages/redis/src/lua-script.ts';
import type { ScriptInput, ScriptLink } from '../../packages/redis/src/script-link.ts';

/** The record of a key. */
export interface OnceRecord {
  readonly s: string;
  readonly t: number;
  readonly a: number;
  readonly h?: string;
  readonly u?: number;
  readonly m?: number;
  readonly r?: string;
}

/** What a script does to a record: the record after it, and its reply. */
type Step = readonly [OnceRecord, unknown];

const absent: OnceRecord = { s: 'i', t: 0, a: 0 };
const settledStates = new Set(['d', 'n', 'f']);

/** Does what the script called `name` does at `now` (us). */
export function onceInModel(name: string, record: OnceRecord = absent, args: readonly string[], now: number): Step {
  if (name === 'once-claim') return claim(record, args, now);
  return name === 'once-renew' ? renew(record, args, now) : finish(record, args);
}

/** A server of the model's own. Records never expire. */
export class OnceServer {
  readonly records = new Map<string, OnceRecord>();
  /** Names of the scripts that ran, in order. */
  readonly ran: string[] = [];
  offsetUs = 1_800_000_000_000_000;
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  run({ name }: LuaScript, { keys, args }: ScriptInput): unknown {
    const key = keys[0] as string;
    this.ran.push(name);
    const now = Math.round(this.clock.now() * 1000) + this.offsetUs;
    const [record, reply] = onceInModel(name, this.records.get(key), args.map(String), now);
    this.records.set(key, record);
    return reply;
  }
}

/** A link to an {@link OnceServer}, as one process has it. */
export class OnceLink implements ScriptLink {
  isReady = true;
  latencyMs = 1;
  timeoutMs = 500;
  /** What becomes of a script: answered, lost on the way there, or lost on the way back. */
  fate: (name: string) => 'answered' | 'lost' | 'unheard' = () => 'answered';
  isClosed = false;
  private readonly server: OnceServer;
  private readonly clock: Clock;

  constructor(server: OnceServer, clock: Clock) {
    this.server = server;
    this.clock = clock;
  }

  run(script: LuaScript, input: ScriptInput): Promise<unknown> {
    if (!this.isReady || this.isClosed) return Promise.reject(new StoreUnavailableError('not ready'));
    const fate = this.fate(script.name);
    return new Promise((resolve, reject) => {
      if (fate !== 'answered')
        this.clock.setTimer(() => reject(new StoreUnavailableError('no reply')), this.timeoutMs).unref();
      if (fate === 'lost') return;
      this.clock.setTimer(() => {
        const reply = this.server.run(script, input);
        if (fate === 'answered') this.clock.setTimer(() => resolve(reply), this.latencyMs / 2);
      }, this.latencyMs / 2);
    });
  }

  onReady(): () => void {
    return () => {};
  }

  health() {
    const status = this.isReady ? 'ready' : 'reconnecting';
    return { status, answered: this.server.ran.length, failed: 0, latencyMs: undefined, lastFailure: undefined };
  }

  close(): void {
    this.isClosed = true;
  }
}

// --- internal ---

function claim(record: OnceRecord, [holder = '', leaseMs]: readonly string[], now: number): Step {
  const { s, t, a, h, u = 0, m = 0, r = '' } = record;
  if (settledStates.has(s)) return [record, [s, r, String(t)]];
  const left = s === 'p' ? Math.min(u - now, m * 1000) : 0;
  if (left > 0 && h !== holder) return [record, ['busy', Math.ceil(left / 1000), String(t)]];
  const lease = { u: now + Number(leaseMs) * 1000, m: Number(leaseMs) };
  if (left > 0) return [{ ...record, ...lease }, ['mine', String(t), a]];
  const token = Math.max(now, t + 1);
  return [{ ...record, s: 'p', t: token, a: a + 1, h: holder, ...lease }, ['mine', String(token), a + 1]];
}

function renew(record: OnceRecord, [token, leaseMs]: readonly string[], now: number): Step {
  if (record.s !== 'p' || String(record.t) !== token) return [record, 0];
  return [{ ...record, u: now + Number(leaseMs) * 1000, m: Number(leaseMs) }, 1];
}

function finish(record: OnceRecord, [token, outcome = '', r = '']: readonly string[]): Step {
  const { s, t, a } = record;
  if (String(t) === token && (s === 'p' || s === outcome)) return [{ s: outcome, t, a, r }, ['ok']];
  if (settledStates.has(s)) return [record, [s, record.r ?? '', String(t)]];
  return [record, ['lost', '', String(t)]];
}
