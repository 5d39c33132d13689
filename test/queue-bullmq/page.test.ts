import { describe, expect, it } from 'vitest';

import { runPageBlock } from '../docs/page-block.ts';
import { startRedisServer } from '../redis-lab/redis-server.ts';

describe('the page of BullMQ', () => {
  it('runs, and prints what it says', async () => {
    const redis = await startRedisServer();
    try {
      const { printed, promised } = await runPageBlock('docs/packages/queue-bullmq.md', 'REDIS_PORT', `${redis.port}`);
      expect(printed).toBe(promised);
      expect(promised).not.toBe('');
    } finally {
      await redis.stop();
    }
  });
});
