import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { rateLimiterTakeLua } from '../../../packages/redis/src/lua-sources.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { type TakeState, emptyTakeState, takeInModel } from '../../redis/take-model.ts';

const keys = ['rb1:{t/rate/q}:g', 'rb1:{t/rate/q}:n'] as const;

let redis: RedisServer;
let client: Redis;

beforeAll(async () => {
  redis = await startRedisServer();
  client = redis.admin;
});
beforeEach(() => client.flushall());
afterAll(() => redis.stop());

interface Request {
  readonly node: 'a' | 'b' | 'c';
  readonly ticketBy: number;
  readonly want: number;
  readonly leastRatio: number;
  readonly back: number;
  readonly backAgoMs: number;
  readonly debt: number;
  readonly rate: number;
}

const rates = [
  [1000, 50],
  [333.333_333_333_333_3, 100],
  [1, 1],
  [1.428_571_428_571_428_6, 700],
  [60_000_000, 5],
] as const;

const requests: fc.Arbitrary<Request> = fc.record({
  node: fc.constantFrom('a', 'b', 'c'),
  ticketBy: fc.constantFrom(1, 1, 1, 1, 0, -1, 2),
  want: fc.nat(80),
  leastRatio: fc.constantFrom(0, 0, 0.5, 1),
  back: fc.constantFrom(0, 0, 0, 3, 20),
  backAgoMs: fc.constantFrom(0, 10, 399, 500, -100),
  debt: fc.constantFrom(0, 0, 0, 7, 1000),
  rate: fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 4),
});

/** State to begin with: at rest, busy, far ahead as after a clock that stepped back, with nodes of the past and the future. */
const starts = fc.record({
  aheadUs: fc.constantFrom(undefined, -5_000_000, 0, 20_000, 3_600_000_000),
  strangers: fc.subarray([-20_000, -9_000, 9_000, 20_000, 3_600_000]),
});

async function serverNow(): Promise<number> {
  const [seconds, micros] = await client.time();
  return Number(seconds) * 1_000_000 + Number(micros);
}

/** Puts the same state into the server and the model. */
async function begin({ aheadUs, strangers }: { aheadUs: number | undefined; strangers: readonly number[] }) {
  await client.flushall();
  const state = emptyTakeState();
  const now = await serverNow();
  if (aheadUs !== undefined) {
    Object.assign(state, { tat: now + aheadUs, em: 1000, burst: 50 });
    await client.hset(keys[0], { tat: now + aheadUs, em: 1000, burst: 50 });
  }
  for (const [index, byMs] of strangers.entries()) {
    const seenAt = Math.floor(now / 1000) + byMs;
    await client.zadd(keys[1], seenAt, `s${index}`);
    await client.hset(keys[0], `n:s${index}`, '1 1 1');
    state.seen.set(`s${index}`, seenAt);
    state.tickets.set(`s${index}`, [1, 1, 1]);
  }
  return state;
}

async function stored(): Promise<Record<string, unknown>> {
  const hash = await client.hgetall(keys[0]);
  const seen = await client.zrange(keys[1], '0', '-1', 'WITHSCORES');
  return {
    hash,
    seen: Object.fromEntries(seen.flatMap((node, index) => (index % 2 === 0 ? [[node, Number(seen[index + 1])]] : []))),
  };
}

/** What the server should hold by the model. */
function storedByModel(state: TakeState): Record<string, unknown> {
  const tickets = [...state.tickets].map(([node, numbers]) => [`n:${node}`, numbers.join(' ')]);
  const { tat, em, burst } = state;
  return { hash: { tat, em, burst, ...Object.fromEntries(tickets) }, seen: Object.fromEntries(state.seen) };
}

function numeric({ hash, seen }: Record<string, unknown>): Record<string, unknown> {
  const { tat, em, burst, ...tickets } = hash as Record<string, string>;
  return { hash: { tat: Number(tat), em: Number(em), burst: Number(burst), ...tickets }, seen };
}

describe('rate-limiter-take.lua, against its model in TypeScript', () => {
  it('gives the same replies and keeps the same state, to the last bit', async () => {
    const property = fc.asyncProperty(
      starts,
      fc.array(requests, { minLength: 1, maxLength: 12 }),
      async (start, taken) => {
        const state = await begin(start);
        const tickets = { a: 20, b: 20, c: 20 };
        for (const request of taken) {
          const [em, burst] = rates[request.rate] ?? rates[0];
          const want = Math.min(request.want, burst);
          const ticket = (tickets[request.node] += request.ticketBy);
          const backFrom = (await serverNow()) - request.backAgoMs * 1000;
          const least = Math.round(want * request.leastRatio);
          const args = [
            request.node,
            ticket,
            want,
            least,
            request.back,
            backFrom,
            request.debt,
            em,
            burst,
            200,
            10_000,
            60_000,
          ];
          const reply = (await client.eval(rateLimiterTakeLua, 2, ...keys, ...args)) as [number, string];
          const isRepeated = (reply as unknown[])[5] === 1;
          const now = isRepeated ? backFrom : Number(reply[1]);
          expect(reply).toEqual([...takeInModel(state, args, now)]);
        }
        expect(numeric(await stored())).toEqual(storedByModel(state));
      },
    );
    await fc.assert(property, { numRuns: 250 });
  }, 60_000);

  it('keeps both keys for a while only, whatever comes', async () => {
    const args = ['a', 1, 5, 0, 0, 0, 0, 1000, 50, 200, 10_000, 60_000];
    await client.eval(rateLimiterTakeLua, 2, ...keys, ...args);

    expect(await redis.keysWithoutTtl()).toEqual([]);
    expect(await client.pttl(keys[0])).toBeGreaterThan(50_000);
  });

  it('grants a ticket once: its ghost is answered as before, and an older one gets nothing', async () => {
    const ask = (ticket: number) =>
      client.eval(rateLimiterTakeLua, 2, ...keys, 'a', ticket, 5, 1, 0, 0, 0, 1_000_000, 50, 200, 10_000, 60_000);
    const first = (await ask(7)) as unknown[];
    expect(await ask(7)).toEqual([5, first[1], 0, 1, 0, 1]);
    expect(await ask(6)).toEqual([0, first[1], 0, 1, 0, 1]);

    const next = (await ask(8)) as unknown[];
    expect(next[0]).toBe(5);
    expect(Number(await client.hget(keys[0], 'tat'))).toBe(Number(first[1]) + 10_000_000);
  });
});
