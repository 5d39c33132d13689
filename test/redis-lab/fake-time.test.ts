import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { eventually } from './eventually.ts';
import { type FakeTime, makeFakeTime } from './fake-time.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';
import { spawnTied } from './tied-process.ts';

let time: FakeTime;
let server: RedisServer;

beforeEach(async () => {
  time = makeFakeTime();
  server = await startRedisServer({ env: time.env });
  onTestFinished(async () => {
    await server.stop();
    time.remove();
  });
});

/** How far the server is from the true time. Milliseconds. */
async function offsetMs(): Promise<number> {
  const [seconds, microseconds] = await server.admin.time();
  return Number(seconds) * 1000 + Number(microseconds) / 1000 - Date.now();
}

/** The same as a script sees it. */
async function offsetInScriptMs(): Promise<number> {
  const [seconds, microseconds] = (await server.admin.eval("return redis.call('TIME')", 0)) as [string, string];
  return Number(seconds) * 1000 + Number(microseconds) / 1000 - Date.now();
}

/** Whether a number is within 500 of another. */
const near = (expected: number) => expect.closeTo(expected, -3) as number;

describe('a server under fake time', () => {
  it.each([3_600_000, -3_600_000, -2000, 1500])('sees a step of %d ms, also in scripts', async (byMs) => {
    expect(await offsetMs()).toEqual(near(0));

    time.step(byMs);

    expect(await offsetMs()).toEqual(near(byMs));
    expect(await offsetInScriptMs()).toEqual(near(byMs));
  });

  it('sees steps add up, and goes on from where it was set', async () => {
    time.step(10_000);
    time.step(-4000);
    expect(time.offsetMs).toBe(6000);
    expect(await offsetMs()).toEqual(near(6000));

    time.set(0);
    expect(await offsetMs()).toEqual(near(0));
  });

  it('expires keys early when the clock jumps ahead, and late when it steps back', async () => {
    await server.admin.set('key', '1', 'PX', 60_000);
    time.step(59_000);
    expect(await server.admin.exists('key')).toBe(1);
    time.step(2000);
    expect(await server.admin.exists('key')).toBe(0);

    await server.admin.set('key', '1', 'PX', 1000);
    time.step(-3_600_000);
    expect(await server.admin.pttl('key')).toBeGreaterThan(3_500_000);
  });

  it('goes on answering while its clock is stepped back and forth', async () => {
    for (let round = 0; round < 50; round++) {
      time.step(round % 2 === 0 ? 7_200_000 : -7_200_000);
      expect(await server.admin.incr('count')).toBe(round + 1);
    }
  });
});

describe('fake time', () => {
  it('leaves the monotonic clock true', async () => {
    const program =
      'setInterval(() => console.log(`at ${Date.now()} ${process.hrtime.bigint() / 1_000_000n} end`), 20)';
    const child = spawnTied(process.execPath, ['-e', program], { env: time.env });
    onTestFinished(async () => void (await child.kill()));
    const isStepped = (): boolean => {
      const last =
        child
          .output()
          .match(/at \d+ \d+ end/g)
          ?.at(-1)
          ?.split(' ')
          .map(Number) ?? [];
      const [, wall = 0, monotonic = 0] = last;
      expect(Math.abs(monotonic - Number(process.hrtime.bigint() / 1_000_000n))).toBeLessThan(2000);
      return wall - Date.now() > 3_500_000;
    };
    await eventually(() => child.output().includes('end'), { what: 'the first line' });
    expect(isStepped()).toBe(false);

    time.step(3_600_000);

    await eventually(isStepped, { what: 'the step' });
  });
});
