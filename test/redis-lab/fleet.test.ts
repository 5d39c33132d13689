import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import type { CounterCommands, CounterSettings } from './counter-member.ts';
import { eventually, sleep } from './eventually.ts';
import { type FleetOptions, startFleet, type Telling } from './fleet.ts';
import { processExists } from './process-exists.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

const module = new URL('counter-member.ts', import.meta.url);

async function start(count: number, options: Partial<FleetOptions> = {}) {
  const settings = (index: number): CounterSettings => ({ from: index * 100, redisPort: redis.port });
  const fleet = await startFleet<CounterCommands>({ module, count, settings, ...options });
  onTestFinished(() => fleet.stop());
  return fleet;
}

describe('startFleet', () => {
  it('starts processes that answer, each with its settings, and leaves none behind', async () => {
    const fleet = await start(8);
    const pids = fleet.members.map(({ pid }) => pid);

    expect(await fleet.askAll('add', 1)).toEqual([1, 101, 201, 301, 401, 501, 601, 701]);
    expect(await fleet.member(2).ask('add', 9)).toBe(210);
    expect(new Set(pids).size).toBe(8);
    expect((await fleet.askAll('addShared', 1)).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await fleet.stop();

    expect(pids.filter(processExists)).toEqual([]);
  });

  it('starts 20 in a few seconds, and more later', async () => {
    const fleet = await start(1);
    const startedAt = performance.now();
    const added = await fleet.add(20);

    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(added.map(({ index }) => index)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    expect(await fleet.askAll('add', 0)).toHaveLength(21);
  });

  it('runs from the source as well', async () => {
    const fleet = await start(1, { from: 'source' });

    expect(await fleet.member(0).ask('add', 5)).toBe(5);
  });

  it('says what a process printed that does not start, and leaves none of the others', async () => {
    const started = start(3, { env: { COUNTER_FAILS: '1' } });

    await expect(started).rejects.toThrow(/told to fail at the start/);
  });
});

describe('a process of a fleet', () => {
  it('takes and gives whatever can be cloned', async () => {
    const fleet = await start(1);
    const value = { list: [1n, undefined, new Map([['key', new Float64Array([0.5])]])] };

    expect(await fleet.member(0).ask('echo', value)).toEqual(value);
  });

  it('passes on what a command throws', async () => {
    const fleet = await start(1);

    await expect(fleet.member(0).ask('fail')).rejects.toThrow('member 0: TypeError: as asked');
    expect(await fleet.member(0).ask('add', 1)).toBe(1);
  });

  it('answers after a pause what it was asked during it, and not before', async () => {
    const fleet = await start(2);
    const [paused, other] = [fleet.member(0), fleet.member(1)];
    let answered = false;

    paused.pause();
    const answer = paused.ask('add', 1).finally(() => (answered = true));
    expect(await other.ask('add', 1)).toBe(101);
    await sleep(150);
    expect(answered).toBe(false);
    paused.resume();

    expect(await answer).toBe(1);
  });

  it('that crashes or is killed settles what it was asked, and is asked no more', async () => {
    const fleet = await start(3);

    await expect(fleet.member(0).ask('crash')).rejects.toThrow(/member 0 has ended with 7:\ncrashing/);
    fleet.member(1).pause();
    const asked = fleet.member(1).ask('add', 1);
    const [ending] = await Promise.all([
      fleet.member(1).kill(),
      expect(asked).rejects.toThrow('member 1 has ended with SIGKILL'),
    ]);
    expect(ending).toEqual({ code: null, signal: 'SIGKILL' });

    await expect(fleet.member(1).ask('add', 1)).rejects.toThrow('cannot be asked to add');
    expect(await fleet.askAll('add', 1)).toEqual([201]);
  });

  it('tells events, and what it prints is kept', async () => {
    const tellings: Telling[] = [];
    const fleet = await start(2, { told: (telling) => tellings.push(telling) });
    await fleet.member(1).ask('tell', { state: 'open' });
    await fleet.member(1).ask('say', 'hello');

    expect(tellings).toEqual([{ index: 1, event: 'told', value: { state: 'open' } }]);
    await eventually(() => fleet.output() === '--- member 1 ---\nhello\n', { what: 'the line' });
  });
});
