import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { startFleet } from '../redis-lab/fleet.ts';
import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';
import type { RollbackCommands, RollbackSettings } from './rollback-member.ts';

const module = new URL('rollback-member.ts', import.meta.url);

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis.stop());

async function start(count: number, isDoomed = false) {
  const settings = (): RollbackSettings => ({ port: redis.port, leaseMs: 1500, isDoomed });
  const fleet = await startFleet<RollbackCommands>({ module, count, settings });
  onTestFinished(() => fleet.stop());
  return fleet;
}

const undone = (task: string) => redis.admin.lrange(`undone:${task}`, 0, -1);

describe('createRollback, 4 processes', () => {
  it('undoes once under 1,000 concurrent calls, and answers all of them', async () => {
    const fleet = await start(4);
    const answers = (await fleet.askAll('execute', { id: { task: 'o1', operation: 'refund' }, count: 250 })).flat();
    const tokens = await undone('o1');

    expect(answers).toHaveLength(1000);
    expect(new Set(answers)).toEqual(new Set([`undone under ${tokens[0]}`]));
    expect(tokens).toHaveLength(1);
  }, 60_000);

  it('loses nothing where the process dies between the mark and the undoing; another undoes it, once', async () => {
    const doomed = (await start(1, true)).member(0);
    const id = { task: 'o2', operation: 'refund' };
    await expect(doomed.ask('execute', { id, count: 3 })).rejects.toThrow('SIGKILL');
    expect(await undone('o2')).toEqual([]);
    const fleet = await start(2);
    const answers = (await fleet.askAll('execute', { id, count: 250 })).flat();

    expect(answers).toHaveLength(500);
    expect(new Set(answers).size).toBe(1);
    expect(await undone('o2')).toHaveLength(1);
  }, 60_000);
});
