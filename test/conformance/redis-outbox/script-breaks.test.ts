import { systemClock, systemRandom } from '@holdfast/core';
import { type OutboxCase, outboxConformance } from '@holdfast/degradation/testing';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { outboxOver, outboxSettings } from '../../../packages/redis/src/outbox/redis-outbox.ts';
import { openLink } from '../../../packages/redis/src/script-link.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { type ScriptBreak, breakLink, scriptBreaks } from './script-breaks.ts';

let server: RedisServer;
let client: Redis;

beforeAll(async () => {
  server = await startRedisServer();
  client = server.connect({ lazyConnect: true });
});
afterAll(() => server.stop());

/** What a case of the suite comes to where the scripts are broken: the message of its error; undefined where it passes. */
async function outcomeOf(each: OutboxCase, index: number, broken: ScriptBreak): Promise<string | undefined> {
  const times = { commandTimeoutMs: 5000, clock: systemClock, random: systemRandom };
  const links = [openLink(client, times), openLink(client, times)] as const;
  const handle = (link: (typeof links)[0], maxItems: number) => {
    const name = `${broken.script}/${broken.what}/${index}`;
    return outboxOver<unknown>(
      breakLink(link, broken),
      outboxSettings({ namespace: 'broken', name, maxItems, ...times }),
    );
  };
  try {
    await each.run({
      handles: async ({ maxItems }) => [handle(links[0], maxItems), handle(links[1], maxItems)],
      pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    for (const link of links) link.close();
  }
}

describe('the suite of outboxes', () => {
  it.each(scriptBreaks)('notices a $script that $what', async (broken) => {
    const outcomes = await Promise.all(outboxConformance.map((each, index) => outcomeOf(each, index, broken)));
    const noticed = outcomes.filter((outcome) => outcome !== undefined);

    expect(noticed).not.toEqual([]);
    expect(noticed.filter((message) => message.startsWith('the script'))).toEqual([]); // it runs, and does the wrong thing
    expect(noticed.join()).not.toContain(' has no '); // it has what is broken
  });
});
