/**
 * Differential: the scripts on a real server and the ledger in memory give the same replies and publish the same messages.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';

import { memoryLedger } from '@holdfast/core/fleet';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { anyDeed } from './deeds.ts';
import { timedLedger } from './timed-ledger.ts';
import { firstDifference, playScripts } from './two-ledgers.ts';

/** `CIRCUIT_RUNS` makes it longer: about 110 operations a run. */
const runs = Number(process.env['CIRCUIT_RUNS'] ?? 260);
let server: RedisServer;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());

it(
  'the scripts and the ledger in memory answer alike, and every key has a time to live',
  { timeout: 900_000 },
  async () => {
    let asked = 0;
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyDeed, { minLength: 1, maxLength: 300, size: 'max' }), async (deeds) => {
        const scripts = timedLedger(server.admin, `diff${run++}`);
        const done = await playScripts(scripts, deeds);
        asked += done.length;
        const difference = firstDifference(done, memoryLedger, isDeepStrictEqual);
        expect(difference).toBeUndefined();
        const keys = await scripts.keys();
        const lives = await Promise.all(keys.map(async (key) => [key, await server.admin.pttl(key)] as const));
        expect(lives.filter(([, ms]) => ms <= 0)).toEqual([]);
        await scripts.flushAll();
      }),
      { numRuns: runs },
    );
    expect(asked).toBeGreaterThanOrEqual(Math.min(runs, 250) * 80);
  },
);
