import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { levelVoteLua } from '../../../packages/redis/src/lua-sources.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';

const KEY = 'rb1:{t/levels}:v';
const TTL_MS = 60_000;

let redis: RedisServer;
let client: Redis;

beforeAll(async () => {
  redis = await startRedisServer();
  client = redis.admin;
});
afterAll(() => redis.stop());

/** A vote, or a look, or what somebody else puts there. Ages are far from the end of a vote, on either side. */
type Step =
  | { readonly kind: 'vote'; readonly node: string; readonly level: number; readonly ageMs: number }
  | { readonly kind: 'look' }
  | { readonly kind: 'spoil'; readonly node: string; readonly text: string };

const nodes = fc.constantFrom('a', 'b', 'c%20d');
const ages = fc.constantFrom(0, 1, 30_000, 90_000, 10_000_000, -30_000);
const kind = <K extends Step['kind']>(name: K): fc.Arbitrary<K> => fc.constant(name);
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({ kind: kind('vote'), node: nodes, level: fc.constantFrom(0, 1.25, 4), ageMs: ages }),
    },
    { weight: 2, arbitrary: fc.record({ kind: kind('look') }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: kind('spoil'), node: nodes, text: fc.constantFrom('', 'rubbish', '5', '1 2') }),
    },
  ),
  { minLength: 1, maxLength: 12 },
);

/** Does steps on the server and in a map. Returns the first difference; undefined where there is none. */
async function firstDifference(text: string, all: readonly Step[]): Promise<string | undefined> {
  await client.flushall();
  const model = new Map<string, { readonly level: string; readonly ageMs: number }>();
  for (const step of all) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const theirs = await onServer(text, step);
    const ours = inModel(model, step);
    if (theirs !== ours) return `${JSON.stringify(step)}: ${theirs}, not ${ours}`;
  }
  return undefined;
}

async function onServer(text: string, step: Step): Promise<string> {
  if (step.kind === 'spoil') {
    await client.hset(KEY, step.node, step.text);
    await client.pexpire(KEY, TTL_MS);
    return '';
  }
  const vote = step.kind === 'vote' ? [step.node, step.level, step.ageMs] : ['a', '', 0];
  const reply = ((await client.eval(text, 1, KEY, ...vote, TTL_MS)) as unknown[]).map(String);
  const votes = Array.from({ length: reply.length / 3 }, (_each, index) => reply.slice(3 * index, 3 * index + 3));
  const kept = await client.hkeys(KEY);
  const isMortal = kept.length === 0 || (await client.pttl(KEY)) > 0;
  const told = votes.map(([node, ageMs, level]) => `${node} ${level} ${Math.round(Number(ageMs) / 10_000)}`);
  return JSON.stringify([told.toSorted(), kept.toSorted(), isMortal]);
}

function inModel(model: Map<string, { readonly level: string; readonly ageMs: number }>, step: Step): string {
  if (step.kind === 'spoil') {
    model.set(step.node, { level: '', ageMs: Infinity });
    return '';
  }
  if (step.kind === 'vote') model.set(step.node, { level: String(step.level), ageMs: Math.max(0, step.ageMs) });
  for (const [node, { ageMs }] of model) if (ageMs >= TTL_MS) model.delete(node);
  const told = [...model].map(([node, { level, ageMs }]) => `${node} ${level} ${Math.round(ageMs / 10_000)}`);
  return JSON.stringify([told.toSorted(), [...model.keys()].toSorted(), true]);
}

/** The rules of the script, each taken out. */
const breaks: readonly (readonly [rule: string, find: string, replace: string])[] = [
  ['who has no vote only looks', "if ARGV[2] ~= '' then", 'if true then'],
  ['a vote is put there', "redis.call('HSET', KEYS[1], ARGV[1],", 'local _ = ('],
  ['a vote is as old as its cast', 'now - tonumber(ARGV[3])', 'now'],
  ['no vote is from the future', 'math.max(0, now - tonumber(castMs))', 'now - tonumber(castMs)'],
  ['a vote that is too old does not count', 'if age < ttlMs then', 'if true then'],
  ['what is no vote does not count', 'or ttlMs', 'or 0'],
  ['what does not count is gone', "redis.pcall('HDEL', KEYS[1], node)", 'local _ = node'],
  ['votes do not stay for ever', "redis.call('PEXPIRE', KEYS[1], ARGV[4])", ''],
];

describe('the script of votes', () => {
  it('does what a map does', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        expect(await firstDifference(levelVoteLua, all)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
  });

  it.each(breaks)('without a rule does something else: %s', async (rule, find, replace) => {
    if (!levelVoteLua.includes(find)) throw new Error(`nothing to break for: ${rule}`);
    const text = levelVoteLua.replaceAll(find, replace);
    const isSame = async (all: readonly Step[]): Promise<boolean> =>
      (await firstDifference(text, all).catch(String)) === undefined;

    expect((await fc.check(fc.asyncProperty(steps, isSame), { numRuns: 300, endOnFailure: true })).failed).toBe(true);
  });
});
