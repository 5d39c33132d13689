import { onHookError } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import { type RebalanceCallback, confluentConsumer } from './confluent-consumer.ts';
import { FakeClient } from './testing/fake-client.ts';

const assign = { code: -175 };
const revoke = { code: -174 };
const place = (partition: number) => ({ topic: 'orders', partition });

async function make() {
  const clock = virtualClock();
  const client = new FakeClient();
  const ends = new Map<number, () => void>();
  const causes: unknown[] = [];
  let rebalance: RebalanceCallback = () => Promise.reject(new Error('not made'));
  const consumer = confluentConsumer({
    make: (callback) => {
      rebalance = callback;
      return client;
    },
    topics: ['orders'],
    handle: (context, { partition }) => {
      context.onCancel((cause) => causes.push(cause));
      return new Promise<void>((resolve) => ends.set(partition, resolve));
    },
    clock,
    graceMs: 300,
  });
  await consumer.start();
  await rebalance(assign, [place(0), place(1)]);
  return { clock, client, ends, causes, consumer, rebalance };
}

describe('confluent-consumer', () => {
  it('(1) lets a partition go only when its handler has ended, and commits what that has done', async () => {
    const { client, ends, causes, rebalance } = await make();
    const [gone, kept] = [client.deliver([4]), client.deliver([7], { partition: 1 })];
    await settle();
    let isLetGo = false;
    const letting = rebalance(revoke, [place(0)]).then(() => (isLetGo = true));
    await settle();
    expect(causes).toMatchObject([{ code: 'PARTITION_ENDED', partition: 0, reason: 'revoked' }]);
    expect(isLetGo).toBe(false);
    ends.get(0)?.();
    await letting;
    await gone.batch;
    expect(client.committed).toEqual(['0:5']);
    ends.get(1)?.();
    await kept.batch;
    expect(client.committed).toEqual(['0:5', '1:8']);
  });

  it('(1) waits for no handler longer than the grace, and commits nothing of it', async () => {
    const { client, clock, rebalance, ends } = await make();
    const delivery = client.deliver([4]);
    await settle();
    const letting = rebalance(revoke, [place(0)]);
    await clock.advance(300);
    await letting;
    ends.get(0)?.();
    await delivery.batch;
    expect(client.committed).toEqual([]);
  });

  it('(2) commits nothing of what was lost', async () => {
    const { client, rebalance, ends, causes, consumer } = await make();
    const delivery = client.deliver([4]);
    await settle();
    await rebalance(revoke, [place(0), place(1)], { assignmentLost: () => true });
    ends.get(0)?.();
    await delivery.batch;
    expect(client.committed).toEqual([]);
    expect(causes).toMatchObject([{ reason: 'lost' }]);
    expect(consumer.snapshot()).toMatchObject({ partitions: 0, endedPartitions: 2, rebalances: 2 });
  });

  it('is born again with the next assignment, and reports a commit that fails', async () => {
    const heard: string[] = [];
    const before = onHookError((error) => heard.push(error.hook));
    onTestFinished(() => void onHookError(before));
    const { client, rebalance, ends } = await make();
    const first = client.deliver([4]);
    await settle();
    client.commitOffsets = () => Promise.reject(new Error('no coordinator'));
    const letting = rebalance(revoke, [place(0)]);
    ends.get(0)?.();
    await letting;
    await first.batch;
    expect(heard).toEqual(['commitOffsets']);
    await rebalance(assign, [place(0)]);
    await rebalance({ code: -1 }, [place(0)]);
    const again = client.deliver([4]);
    await settle();
    ends.get(0)?.();
    client.commitOffsets = async () => {};
    await again.batch;
    expect(again.resolved).toEqual(['4']);
  });

  it('is made of a consumer', async () => {
    const options = { make: () => ({}) as never, topics: ['a'], handle: () => 1 };
    await expect(confluentConsumer(options).start()).rejects.toThrow('@confluentinc/kafka-javascript');
  });
});
