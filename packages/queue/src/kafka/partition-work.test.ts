import { Context } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { PartitionWork } from './partition-work.ts';

describe('partition-work: rebalances while messages come again', () => {
  it('(2) knows all that was done, also where the next rebalance comes in the midst of what was delivered again', async () => {
    const work = new PartitionWork({ topic: 'orders', partition: 0 }, Context.background);
    const handled: number[] = [];
    const deliver = async (...offsets: readonly number[]) => {
      for (const offset of offsets) {
        const outcome = await work.take({ offset: String(offset), value: null }, async () => {
          handled.push(offset);
          return { kind: 'done' };
        });
        work.settle(String(offset), outcome);
      }
    };

    await deliver(6, 7, 8);
    work.resume();
    await deliver(6);
    expect(work.uncommitted).toBe('9');
    work.resume();
    await deliver(6, 7, 8, 9);

    expect(handled).toEqual([6, 7, 8, 9]);
    expect(work.uncommitted).toBe('10');
  });
});
