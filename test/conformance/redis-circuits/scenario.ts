/**
 * Scenario: the life of one circuit through the shipped scripts, unchanged, as a node and an operator would have it: everything
 * that the scripts can do is done at least once.
 *
 * @module
 */

import type { Proposal, Reply, SyncReply } from '@holdfast/core/fleet';
import type { Redis } from 'ioredis';

import { circuitFlush, flushInput, readFlushReply } from '../../../packages/redis/src/circuit/circuit-flush.ts';
import {
  circuitHold,
  holdInput,
  readAuditEntry,
  readHoldReply,
} from '../../../packages/redis/src/circuit/circuit-hold.ts';
import { circuitKeys } from '../../../packages/redis/src/circuit/circuit-keys.ts';
import type { CircuitPlace } from '../../../packages/redis/src/circuit/circuit-reply.ts';
import { circuitStep, readStepReply, stepInput } from '../../../packages/redis/src/circuit/circuit-step.ts';
import { circuitSync, readSyncReply, syncInput } from '../../../packages/redis/src/circuit/circuit-sync.ts';
import type { LuaScript } from '../../../packages/redis/src/lua-script.ts';
import type { ScriptInput } from '../../../packages/redis/src/script-link.ts';
import { sleep } from '../../redis-lab/eventually.ts';

/** Who asks: connections with the rights of a node and of an operator. */
export interface Cast {
  readonly node: Redis;
  readonly operator: Redis;
  readonly namespace: string;
}

/** Plays it, and says what came of each step, as text. A step that fails does not end it. */
export async function playScenario(cast: Cast): Promise<string[]> {
  const said: string[] = [];
  const note = async (what: string, work: () => Promise<string>): Promise<void> => {
    said.push(`${what}: ${await work().catch((error: unknown) => `! ${String(error).slice(0, 60)}`)}`);
  };
  const player = new Player(cast);
  await note('sync', async () => {
    const { incarnation, nodes } = await player.sync('a');
    return `${incarnation === '' ? 'no' : 'an'} incarnation, ${nodes} nodes`;
  });
  await note('other node', async () => `${(await player.sync('b')).nodes} nodes`);
  await note('server', () => player.serverNote());
  for (const [what, proposal] of story) await note(what, () => player.propose(proposal));
  await note('flush', () => player.flush());
  await note('fleet opened', async () => (await player.sync('a')).rulings.map(({ state }) => state).join(' '));
  await note('hold', () => player.hold('forced-open'));
  await note('release', () => player.hold('auto'));
  await note('audit', () => player.audit());
  return said;
}

// --- internal ---

const id = 'prices';
const reopening = { openMs: 1, backoffRatio: 1, maxOpenMs: 1 };
const evidence = { evidenceAgeMs: 0, maxEvidenceMs: 1e6, ballotTtlMs: 10_000, why: 'w', fingerprint: 'f' };
const round = { maxProbes: 2, neededSuccesses: 2, neededFailures: 2, maxLost: 1, maxPerNode: 2 };

type Unbased = (basis: number) => Proposal;

const tripOf =
  (quorum: number): Unbased =>
  (basis) => ({ kind: 'trip', id, basis, ...reopening, openForMs: 1, ...evidence, quorum });

const claimOf =
  (leaseBase: string, leaseTtlMs: number): Unbased =>
  (basis) => ({ kind: 'claim', id, basis, ...reopening, want: 2, leaseTtlMs, leaseBase, round });

const reportOf =
  (lease: string): Unbased =>
  (basis) => ({ kind: 'report', id, basis, ...reopening, lease, succeeded: true, retryAfterMs: 0, rampMs: 0 });

const story: readonly (readonly [what: string, proposal: Unbased])[] = [
  ['vote', tripOf(2)],
  ['open', tripOf(1)],
  ['claim', claimOf('l', 1)],
  ['claim that finds lost leases', claimOf('l', 1)],
  ['claim again', claimOf('m', 5000)],
  ['report', reportOf('m.1')],
  ['report of the last', reportOf('m.2')],
];

class Player {
  private readonly cast: Cast;
  private readonly place: CircuitPlace;
  private told: Reply = { incarnation: '', nowUs: 0, clock: 0 };
  private basis = 0;

  constructor(cast: Cast) {
    this.cast = cast;
    const keys = circuitKeys({ prefix: 'rb', namespace: cast.namespace, shard: 0 });
    this.place = { keys, publishCommand: 'PUBLISH' };
  }

  async sync(node: string): Promise<SyncReply> {
    const known = { incarnation: '', since: 0, presence: true, nodeTtlMs: 60_000, limit: 100, leaseTtlMs: 1 };
    const input = syncInput(this.place, { node, ...known, nonce: 'x', shards: 1, minor: 1 });
    const reply = readSyncReply(await run(this.cast.node, circuitSync, input));
    this.told = reply;
    this.basis = reply.rulings[0]?.epoch ?? 0;
    return reply;
  }

  async serverNote(): Promise<string> {
    return ((await this.cast.node.hget(this.place.keys.meta, 'run')) ?? '') === '' ? 'not known' : 'known';
  }

  async propose(proposal: Unbased): Promise<string> {
    await sleep(3); // the times of this scenario are real, and short
    const request = { ...this.sender, proposals: [proposal(this.basis)] };
    const reply = readStepReply(await run(this.cast.node, circuitStep, stepInput(this.place, request)), request);
    const [result] = reply.results;
    this.basis = result?.ruling?.epoch ?? this.basis;
    return `${result?.code} ${result?.ruling?.state}`;
  }

  /** Two flushes: to the second, one call is enough. */
  async flush(): Promise<string> {
    const window = { bucketMs: 1000, bucketCount: 10, failureRatio: 0.5, quorum: 1, openForMs: 1000 };
    const item = {
      id,
      basis: this.basis,
      successes: 0,
      failures: 1,
      ageMs: 0,
      fingerprint: 'f',
      ...window,
      ...reopening,
    };
    const codes: string[] = [];
    for (const [sequence, minimumCalls] of [5, 1].entries()) {
      const request = { ...this.sender, sequence, items: [{ ...item, minimumCalls }] };
      const reply = readFlushReply(await run(this.cast.node, circuitFlush, flushInput(this.place, request)), request);
      codes.push(...reply.results.map(({ code, failures }) => `${code} ${failures}`));
    }
    return codes.join(', ');
  }

  async hold(state: 'forced-open' | 'auto'): Promise<string> {
    const wish = { id, state, forMs: 5000, owner: 'Ada', reason: 'test', basis: this.basis };
    const input = holdInput(this.place, { ...this.sender, ...wish });
    const { code, ruling } = readHoldReply(await run(this.cast.operator, circuitHold, input));
    this.basis = ruling.epoch;
    return code === 'done' ? ruling.state : code;
  }

  async audit(): Promise<string> {
    const texts = await this.cast.operator.lrange(this.place.keys.audit, 0, 9);
    return texts.map((text) => readAuditEntry(text)?.state).join(' ');
  }

  private get sender() {
    return { node: 'a', incarnation: this.told.incarnation, ticketUs: this.told.nowUs, fleetSize: 0 };
  }
}

/** By its hash, and by its text where the server does not know it. */
async function run(redis: Redis, { sha, text }: LuaScript, { keys, args }: ScriptInput): Promise<unknown> {
  return redis.evalsha(sha, keys.length, ...keys, ...args).catch((error: unknown) => {
    if (!String(error).includes('NOSCRIPT')) throw error;
    return redis.eval(text, keys.length, ...keys, ...args);
  });
}
