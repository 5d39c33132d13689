import { describe, expect, it } from 'vitest';

import { runPageBlock } from '../docs/page-block.ts';
import { startKafkaBroker } from '../kafka-lab/kafka-broker.ts';

describe('the page of Kafka', () => {
  it('runs on a broker of our own, and prints what it says', async () => {
    const broker = await startKafkaBroker({ orders: 2 });
    try {
      const { printed, promised } = await runPageBlock('docs/packages/queue-kafka.md', 'KAFKA_BROKER', broker.address);
      expect(printed).toBe(promised);
      expect(promised).not.toBe('');
    } finally {
      await broker.stop();
    }
  });
});
