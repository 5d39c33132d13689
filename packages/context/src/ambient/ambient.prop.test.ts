import { EventEmitter } from 'node:events';

import { bulkhead, type CancellableContext, Context, contextKey } from '@holdfast/core';
import { seededRandom } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ambient } from './ambient.ts';

const job = contextKey<number>('job');
const here = (): number | undefined => ambient.current()?.value(job);

/** A pool that runs callbacks in the loop of whoever came first: what loses contexts. */
class Pool {
  #free = 3;
  readonly #waiting: (() => void)[] = [];

  acquire(callback: () => void): void {
    this.#waiting.push(callback);
    this.#serve();
  }

  release(): void {
    this.#free++;
    this.#serve();
  }

  #serve(): void {
    while (this.#free > 0 && this.#waiting.length > 0) {
      this.#free--;
      this.#waiting.shift()?.();
    }
  }
}

/** The ways through which a job goes, each of which somebody else's turn may finish. */
class Shop {
  readonly pool = new Pool();
  readonly limited = bulkhead({ maxConcurrent: 4, maxQueued: 100_000, captureAsyncContext: ambient.capture });
  readonly emitter = new EventEmitter().setMaxListeners(0);
  readonly queue: (() => void)[] = [];
  answered = 0;

  constructor() {
    ambient.bindMethods(this.pool, ['acquire']);
    ambient.bindEmitter(this.emitter);
  }

  throughPool(): Promise<number | undefined> {
    return new Promise((resolve) => {
      this.pool.acquire(() => {
        resolve(here());
        this.pool.release();
      });
    });
  }

  throughQueue(): Promise<number | undefined> {
    return new Promise((resolve) => this.queue.push(ambient.bind(() => resolve(here()))));
  }

  throughEmitter(): Promise<number | undefined> {
    const event = `done-${this.answered++ % 50}`;
    return new Promise((resolve) => {
      this.emitter.once(event, () => resolve(here()));
      this.queue.push(() => this.emitter.emit(event)); // by somebody else
    });
  }

  throughBulkhead(): Promise<number | undefined> {
    return this.limited.execute(async () => {
      await Promise.resolve();
      return here();
    });
  }

  /** Does what is in the queue, until all jobs are done. */
  async drain(jobs: Promise<unknown>): Promise<void> {
    const progress = { isDone: false };
    void jobs.finally(() => (progress.isDone = true));
    while (!progress.isDone) {
      for (let task = this.queue.shift(); task !== undefined; task = this.queue.shift()) task();
      await new Promise(setImmediate);
    }
    await jobs;
  }
}

const ways = ['throughPool', 'throughQueue', 'throughEmitter', 'throughBulkhead'] as const;

/** Goes random ways, and returns how often it saw another's context. */
async function goThrough(shop: Shop, number: number, random: () => number): Promise<number> {
  let strangers = 0;
  for (let step = 0; step < 3; step++) {
    const way = ways[Math.floor(random() * ways.length)] as (typeof ways)[number];
    if ((await shop[way]()) !== number) strangers++;
    if (here() !== number) strangers++;
  }
  return strangers;
}

async function strangersAmong(jobCount: number, seed: number): Promise<number> {
  const shop = new Shop();
  const random = seededRandom(seed);
  const contexts: CancellableContext[] = Array.from({ length: jobCount }, (_, number) =>
    Context.background.withValue(job, number).withCancel(),
  );
  const jobs = Promise.all(contexts.map((context, number) => ambient.run(context, goThrough, shop, number, random)));
  await shop.drain(jobs);
  return (await jobs).reduce((sum, strangers) => sum + strangers, 0);
}

describe('ambient values', { timeout: 300_000 }, () => {
  it('ambient (1), charter R3: do not bleed between 100,000 jobs that go through pools, queues and emitters', async () => {
    let strangers = 0;
    for (let batch = 0; batch < 20; batch++) strangers += await strangersAmong(5000, batch);

    expect(strangers).toBe(0);
    expect(here()).toBeUndefined();
  });

  it('ambient (1): do not bleed, however few or many jobs there are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1 }), async (jobCount, seed) => {
        expect(await strangersAmong(jobCount, seed)).toBe(0);
      }),
    );
  });

  it('bleed where nothing is bound, so that the test is one', async () => {
    const [pool, seen] = [new Pool(), [] as unknown[]];
    const use = (): void => pool.acquire(() => seen.push(here()));
    for (let number = 0; number < 4; number++) ambient.run(Context.background.withValue(job, number), use);
    ambient.run(Context.background.withValue(job, 99), () => pool.release());

    expect(seen).toEqual([0, 1, 2, 99]);
  });
});
