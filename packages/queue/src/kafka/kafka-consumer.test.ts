import { Context, type RejectionError, BulkheadFullError, onHookError } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { KafkajsConsumerOptions } from './kafka-consumer.ts';
import { kafkaConsumer } from './kafka-consumer.ts';
import { FakeClient, groupError } from './testing/fake-client.ts';

type Handle = KafkajsConsumerOptions['handle'];

async function make(handle: Handle, options: Partial<KafkajsConsumerOptions> = {}) {
  const clock = virtualClock();
  const client = new FakeClient();
  const consumer = kafkaConsumer({ make: () => client, topics: ['orders'], handle, clock, graceMs: 100, ...options });
  await consumer.start();
  client.join([0, 1]);
  return { clock, client, consumer, root: Context.withClock(clock) };
}

/** A handler that is ended by hand, by the offset of its message. */
function byHand() {
  const begun: string[] = [];
  const ends = new Map<string, { resolve: () => void; reject: (error: unknown) => void }>();
  const contexts = new Map<string, Context>();
  const handle: Handle = (context, { message: { offset } }) => {
    begun.push(offset);
    contexts.set(offset, context);
    return new Promise<void>((resolve, reject) => ends.set(offset, { resolve, reject }));
  };
  const end = async (offset: number) => {
    ends.get(String(offset))?.resolve();
    await settle();
  };
  const fail = async (offset: number, error: unknown) => {
    ends.get(String(offset))?.reject(error);
    await settle();
  };
  return { begun, end, fail, handle, contextOf: (offset: number) => contexts.get(String(offset)) };
}

const rebalance = () => Promise.reject(groupError('REBALANCE_IN_PROGRESS'));

function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('kafka-consumer', () => {
  it('(1) has kafkajs commit nothing by itself', async () => {
    const { client } = await make(() => 1, { fromBeginning: true });
    expect(client.calls).toEqual(['connect', 'subscribe orders true', 'run false']);
  });

  it.each(['consumer.crash', 'consumer.stop', 'consumer.disconnect'])(
    '(2) ends all partitions with %s',
    async (event) => {
      const { handle, contextOf } = byHand();
      const { client, consumer } = await make(handle);
      client.deliver([0]);
      client.emit(event);
      await settle();
      expect(contextOf(0)?.cause).toMatchObject({ code: 'PARTITION_ENDED', reason: 'stopped' });
      expect(consumer.snapshot()).toMatchObject({ partitions: 0, endedPartitions: 2 });
    },
  );

  it.each([
    [{ topics: [] }, 'kafkaConsumer.topics'],
    [{ handle: undefined }, 'kafkaConsumer.handle'],
    [{ maxConcurrent: 0 }, 'kafkaConsumer.maxConcurrent'],
    [{ heartbeatEveryMs: 0 }, 'kafkaConsumer.heartbeatEveryMs'],
    [{ sessionTimeoutMs: Infinity }, 'kafkaConsumer.sessionTimeoutMs'],
    [{ onPoison: 1 }, 'kafkaConsumer.onPoison'],
    [{ eachMessage: 1 }, 'no option'],
    [{ codec: {} }, 'createQueueCodec'],
  ])('refuses %o', (wrong, message) => {
    const options = { make: () => new FakeClient(), topics: ['orders'], handle: () => 1, ...wrong };
    expect(() => kafkaConsumer(options as never)).toThrow(message);
  });

  it('is started once, of a consumer', async () => {
    const { consumer } = await make(() => 1);
    await expect(consumer.start()).rejects.toThrow('called once');
    const none = kafkaConsumer({ make: () => ({}) as never, topics: ['a'], handle: () => 1 });
    await expect(none.start()).rejects.toThrow('a consumer of kafkajs');
  });
});

describe('kafkaConsumer: a start that fails', () => {
  it('disconnects the client, and does not run it later', async () => {
    const clock = virtualClock();
    const client = new FakeClient();
    let connect: () => void = () => {};
    client.connect = () => new Promise((resolve) => (connect = resolve));
    const consumer = kafkaConsumer({ make: () => client, topics: ['orders'], handle: () => 1, clock });
    const starting = failureOf(consumer.start(Context.withClock(clock).withTimeout(300)));
    await clock.advance(300);
    expect(await starting).toMatchObject({ name: 'TimeoutError' });
    connect();
    await settle();
    expect(client.calls).toEqual(['disconnect']);
  });
});

describe('batch-run', () => {
  it('(1) sends heartbeats while a handler runs, and none afterwards', async () => {
    const { handle, end } = byHand();
    const { client, clock } = await make(handle, { heartbeatEveryMs: 1000 });
    const delivery = client.deliver([0]);
    await clock.advance(5500);
    expect(delivery.beats).toBe(5);
    await end(0);
    await delivery.batch;
    await clock.advance(5000);
    expect(delivery.beats).toBe(5);
  });

  it('(2) commits nothing of a partition that was ended, or under another assignment', async () => {
    const { handle, end } = byHand();
    const { client } = await make(handle);
    const [gone, kept] = [client.deliver([0]), client.deliver([5], { partition: 1 })];
    client.join([1]);
    await end(0);
    await end(5);
    await Promise.all([gone.batch, kept.batch]);

    expect([...gone.commits, ...gone.resolved, ...kept.commits, ...kept.resolved]).toEqual([]);
    const again = client.deliver([5], { partition: 1 });
    await again.batch;
    expect(again.commits).toEqual(['6']);
  });

  it('(3) begins no message once the consumer stops, the batch is stale, or the partition is gone', async () => {
    const { begun, end, handle } = byHand();
    const { client, consumer } = await make(handle);
    await client.deliver([0], { isRunning: () => false }).batch;
    await client.deliver([0], { isStale: () => true }).batch;
    expect(begun).toEqual([]);
    const delivery = client.deliver([0, 1]);
    await settle();
    client.join([1]);
    await end(0);
    await delivery.batch;
    const drained = consumer.drain();
    const late = client.deliver([9], { partition: 1 });
    await Promise.all([drained, late.batch]);
    expect(begun).toEqual(['0']);
    expect(late.pauses).toBe(1);
  });

  it('(4) commits what was done before the group is joined again, and lets the client go at once', async () => {
    const { begun, end, handle, contextOf } = byHand();
    const { client, clock } = await make(handle, { heartbeatEveryMs: 1000, commitEveryMs: 60_000 });
    const delivery = client.deliver([0, 1, 2], { heartbeat: rebalance });
    await end(0);
    await clock.advance(1000);

    expect(await failureOf(delivery.batch)).toMatchObject({ type: 'REBALANCE_IN_PROGRESS' });
    expect(delivery.commits).toEqual(['1']);
    expect(begun).toEqual(['0', '1']);
    expect(contextOf(1)?.cancelled).toBe(false);
  });

  it('commits each message on wish, at the end of a batch otherwise, and lets errors of a commit through', async () => {
    const { client } = await make(() => 1, { commitEveryMs: 0 });
    const each = client.deliver([0, 1, 2]);
    await each.batch;
    expect(each.commits).toEqual(['1', '2', '3']);
    const lazy = await make(() => 1);
    const atEnd = lazy.client.deliver([0, 1, 2]);
    await atEnd.batch;
    expect(atEnd.commits).toEqual(['3']);
    const failing = lazy.client.deliver([3], { commit: () => Promise.reject(new Error('broker is away')) });
    expect(await failureOf(failing.batch)).toMatchObject({ message: 'broker is away' });
  });
});

describe('group-state', () => {
  it('(1) ends a partition that the new assignment does not have, and no other', async () => {
    const { handle, contextOf } = byHand();
    const { client, consumer } = await make(handle);
    client.deliver([0]);
    client.deliver([5], { partition: 1 });
    await settle();
    client.join([1, 2]);
    expect(contextOf(0)?.cause).toMatchObject({ code: 'PARTITION_ENDED', partition: 0, reason: 'revoked' });
    expect(contextOf(5)?.cancelled).toBe(false);
    expect(consumer.snapshot()).toMatchObject({ partitions: 2, endedPartitions: 1, rebalances: 2 });
  });

  it('(2) ends all where the group does not know this member, has another id for it, or is silent too long', async () => {
    for (const type of ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']) {
      const { handle, contextOf } = byHand();
      const { client, clock } = await make(handle);
      client.deliver([0], { heartbeat: () => Promise.reject(groupError(type)) });
      await clock.advance(1000);
      expect(contextOf(0)?.cause).toMatchObject({ reason: 'lost' });
    }
    const renamed = byHand();
    const first = await make(renamed.handle);
    first.client.deliver([0]);
    await settle();
    first.client.join([0, 1], 'm2');
    expect(renamed.contextOf(0)?.cause).toMatchObject({ reason: 'lost' });
    const silent = byHand();
    const second = await make(silent.handle, { sessionTimeoutMs: 30_000 });
    second.client.deliver([0]);
    await second.clock.advance(20_000);
    second.client.emit('consumer.heartbeat');
    await second.clock.advance(29_999);
    expect(silent.contextOf(0)?.cancelled).toBe(false);
    await second.clock.advance(1);
    expect(silent.contextOf(0)?.cause).toMatchObject({ reason: 'lost' });
  });

  it('(2) ends all where a rebalance has no end, after the time that one may take', async () => {
    const { handle, contextOf } = byHand();
    const { client, clock } = await make(handle, { rebalanceTimeoutMs: 45_000 });
    client.deliver([0], { heartbeat: rebalance });
    await clock.advance(1000);
    await clock.advance(44_999);
    expect(contextOf(0)?.cancelled).toBe(false);
    await clock.advance(1);
    expect(contextOf(0)?.cause).toMatchObject({ reason: 'lost' });
  });

  it('(3) takes nothing for current that began under another assignment', async () => {
    const { handle, end, begun } = byHand();
    const { client } = await make(handle);
    const old = client.deliver([0, 1]);
    await settle();
    client.join([0, 1]);
    await end(0);
    await old.batch;
    expect({ begun, resolved: old.resolved }).toEqual({ begun: ['0'], resolved: [] });
  });
});

describe('partition-work', () => {
  it('(1) waits for the handler of another message of its partition', async () => {
    const { handle, begun, end } = byHand();
    const { client, consumer } = await make(handle);
    expect(consumer.isIdle()).toBe(true);
    client.deliver([5]);
    await settle();
    expect(consumer.isIdle()).toBe(false);
    const back = client.deliver([2]); // a seek
    await settle();
    expect(begun).toEqual(['5']);
    await end(5);
    expect(begun).toEqual(['5', '2']);
    await end(2);
    await back.batch;
  });

  it('(2) joins the run of a message that is delivered again, and knows what was done but not committed', async () => {
    const { handle, begun, end } = byHand();
    const { client, clock } = await make(handle, { commitEveryMs: 60_000 });
    const commit = () => Promise.reject(new Error('too late'));
    const old = client.deliver([0, 1, 2], { heartbeat: rebalance, commit });
    await end(0);
    await end(1);
    await clock.advance(1000);
    await failureOf(old.batch);
    client.join([0]);
    const again = client.deliver([0, 1, 2, 3]);
    await settle();
    await end(2);
    await end(3);
    await again.batch;

    expect(begun).toEqual(['0', '1', '2', '3']);
    expect(again.resolved).toEqual(['0', '1', '2', '3']);
    expect(again.commits).toEqual(['4']);
  });

  it('(2) keeps what a handler came to between two assignments', async () => {
    const { handle, begun, end } = byHand();
    const { client, clock } = await make(handle);
    const old = client.deliver([0], { heartbeat: rebalance });
    await clock.advance(1000);
    await failureOf(old.batch);
    await end(0);
    client.join([0]);
    const again = client.deliver([0]);
    await again.batch;
    expect({ begun, commits: again.commits }).toEqual({ begun: ['0'], commits: ['1'] });
  });

  it('(3) handles nothing any more once it was ended; and is ended where the group has gone on beyond it', async () => {
    const { handle, begun, contextOf, end } = byHand();
    const { client, clock } = await make(handle);
    const old = client.deliver([0], { heartbeat: rebalance });
    await clock.advance(1000);
    await failureOf(old.batch);
    client.join([0]);
    const beyond = client.deliver([7]); // somebody else has handled up to 6
    await settle();
    expect(contextOf(0)?.cause).toMatchObject({ reason: 'lost' });
    await end(7);
    await beyond.batch;
    expect({ begun, commits: beyond.commits }).toEqual({ begun: ['0', '7'], commits: ['8'] });
  });
});

describe('message-run', () => {
  it('(1) never rejects, whatever the handler throws', async () => {
    for (const thrown of [new Error('no'), undefined, 'text', null]) {
      const { client, clock } = await make(() => Promise.reject(thrown));
      const delivery = client.deliver([0, 1]);
      await delivery.batch;
      expect(delivery).toMatchObject({ resolved: [], pauses: 1, resumes: 0 });
      await clock.advance(1000);
      expect(delivery.resumes).toBe(1);
    }
  });

  it('(2) ends the context when the handler has ended, and by its deadline', async () => {
    const { handle, contextOf, end } = byHand();
    const { client, clock } = await make(handle, { defaultTimeoutMs: 500, sessionTimeoutMs: 100_000 });
    const first = client.deliver([0]);
    await end(0);
    await first.batch;
    expect(contextOf(0)?.cancelled).toBe(true);
    const late = client.deliver([1]);
    await clock.advance(500);
    expect(contextOf(1)?.endedBy).toBe('deadline');
    await clock.advance(100);
    await late.batch;
    expect(late).toMatchObject({ resolved: [], pauses: 1 });
  });

  it('(3) tries a message again until it is handled, or taken by onPoison, whose failures are reported', async () => {
    const heard: string[] = [];
    const before = onHookError((error) => heard.push(error.hook));
    onTestFinished(() => void onHookError(before));
    let isBroken = true;
    const onPoison = () => {
      if (isBroken) throw new Error('no room');
    };
    const { client, consumer } = await make(() => Promise.reject(new Error('bad')), { maxAttempts: 2, onPoison });
    const tries = [client.deliver([0])];
    for (let at = 0; at < 2; at++) {
      await tries.at(-1)?.batch;
      isBroken = at < 1;
      tries.push(client.deliver([0]));
    }
    await tries.at(-1)?.batch;
    expect(tries.map(({ resolved }) => resolved.length)).toEqual([0, 0, 1]);
    expect(heard).toEqual(['onPoison']);
    expect(consumer.snapshot()).toMatchObject({ poison: 1 });
  });

  it('pauses for as long as a refusal says, and counts it as none of the failures', async () => {
    const refusal: RejectionError = new BulkheadFullError('full', 'queue-full', {} as never);
    Object.assign(refusal, { retryAfterMs: 4000 });
    const { client, clock, consumer } = await make(() => Promise.reject(refusal), {
      maxAttempts: 1,
      onPoison: () => 1,
    });
    const delivery = client.deliver([0]);
    await delivery.batch;
    await clock.advance(3999);
    expect(delivery).toMatchObject({ pauses: 1, resumes: 0 });
    await clock.advance(1);
    expect(delivery.resumes).toBe(1);
    expect(consumer.snapshot()).toMatchObject({ refused: 1, failed: 0, poison: 0 });
  });
});

describe('kafka-component', () => {
  it('(1) commits what was done by the end of a drain, and begins no message in it', async () => {
    const { handle, begun, end } = byHand();
    const { client, consumer } = await make(handle);
    const delivery = client.deliver([0, 1]);
    const drained = consumer.drain();
    await end(0);
    await delivery.batch;
    expect(await drained).toMatchObject({ isComplete: true, finished: [{ name: 'orders', count: 1, failedCount: 0 }] });
    expect({ begun, commits: delivery.commits }).toEqual({ begun: ['0'], commits: ['1'] });
  });

  it('(2) ends drain and close with their contexts, whatever the handler and the client do', async () => {
    const { client, clock, consumer, root } = await make(() => new Promise(() => {}));
    client.stopping = new Promise(() => {});
    const delivery = client.deliver([0]);
    const drained = consumer.drain(root.withTimeout(500));
    await clock.advance(500);
    expect(await drained).toMatchObject({ isComplete: false, abandoned: [{ name: 'orders' }] });
    await delivery.batch;
    const closing = failureOf(consumer.close(root.withTimeout(200)));
    await clock.advance(200);
    expect(await closing).toMatchObject({ name: 'TimeoutError' });
    expect(consumer.snapshot()).toMatchObject({ partitions: 0 });
    expect(delivery.commits).toEqual([]);
  });
});
