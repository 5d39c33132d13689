import { createHash } from 'node:crypto';

import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { featureSaveLua, featureSyncLua } from '../../../packages/redis/src/lua-sources.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { broken, scriptBreaks } from './script-breaks.ts';
import { type ScriptTexts, firstDifference, noticeChannel, scriptSteps } from './script-run.ts';

const texts: ScriptTexts = { save: featureSaveLua, sync: featureSyncLua };

let redis: RedisServer;
let client: Redis;
const heard: string[] = [];

beforeAll(async () => {
  redis = await startRedisServer();
  client = redis.admin;
  const subscriber = redis.connect();
  subscriber.on('message', (_channel, text: string) => heard.push(text));
  await subscriber.subscribe(noticeChannel);
});
afterAll(() => redis.stop());

describe('the scripts of features', () => {
  it('do what the model does, reply by reply, key by key and notice by notice', async () => {
    await fc.assert(
      fc.asyncProperty(scriptSteps, async (steps) => {
        expect(await firstDifference({ client, heard }, texts, steps)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  }, 120_000);

  it.each(scriptBreaks)(
    'without a rule do something else: $rule',
    async (each) => {
      const one = { ...texts, [each.script]: broken(texts[each.script], each) };
      const differs = async (steps: Parameters<typeof firstDifference>[2]): Promise<boolean> =>
        (await firstDifference({ client, heard }, one, steps)) === undefined;
      const { failed } = await fc.check(fc.asyncProperty(scriptSteps, differs), { numRuns: 400, endOnFailure: true });

      expect(failed).toBe(true);
    },
    60_000,
  );

  it.each([0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1000, 10_000])(
    'hash a text of %d bytes as Node.js does',
    async (size) => {
      const sha256 = featureSaveLua.slice(
        featureSaveLua.indexOf('local ROUNDS'),
        featureSaveLua.indexOf('local function isoTime'),
      );
      const text = Array.from({ length: size }, (_each, index) => String.fromCharCode(33 + ((index * 7) % 90))).join(
        '',
      );

      expect(await client.eval(`${sha256}\nreturn sha256(ARGV[1])`, 0, text)).toBe(
        createHash('sha256').update(text).digest('hex'),
      );
    },
  );

  it('write times as Node.js does', async () => {
    const isoTime = featureSaveLua.slice(
      featureSaveLua.indexOf('local function isoTime'),
      featureSaveLua.indexOf('local before = stamp()'),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 }), async (ms) => {
        expect(await client.eval(`${isoTime}\nreturn isoTime(tonumber(ARGV[1]))`, 0, ms)).toBe(
          new Date(ms).toISOString(),
        );
      }),
      { numRuns: 500 },
    );
  });
});
