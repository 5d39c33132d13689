import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, it } from 'vitest';

import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { type CancellableContext, Context, contextKey, scopeOf } from './context.ts';

const CHILD_COUNT = 100_000;
const HOUR_MS = 3_600_000;

/** What becomes of a child, and nobody disposes of it any further. */
const lives: readonly [life: string, live: (parent: Context) => unknown][] = [
  ['is derived and dropped', (parent) => parent.withTimeout(HOUR_MS).withValue(key, {})],
  ['is cancelled while it is watched', (parent) => watched(parent.withCancel()).cancel()],
  ['is cancelled after its signal was read', (parent) => withSignalRead(parent.withTimeout(HOUR_MS)).cancel()],
  ['is watched and let go', (parent) => parent.withTimeout(HOUR_MS).onCancel(() => {})()],
  ['ends by its deadline when it is made', (parent) => watched(parent.withTimeout(0)).signal],
  ['follows a signal as well, and is let go', (parent) => parent.withSignal(foreign.signal).onCancel(() => {})()],
];
const key = contextKey<object>('key');
const foreign = new AbortController();

describe('a context as long-lived as the process', { timeout: 60_000 }, () => {
  it.each(lives)(`charter A3, A4: retains nothing of 100 000 children, each of which %s`, async (_life, live) => {
    const clock = virtualClock();
    const parent = Context.withClock(clock).withCancel();
    for (let warmUp = 0; warmUp < 1000; warmUp++) live(parent);
    const before = await heapBytes();

    for (let index = 0; index < CHILD_COUNT; index++) live(parent);

    expect([watchersOf(parent), clock.pendingCount]).toEqual([0, 0]);
    expect(getEventListeners(foreign.signal, 'abort')).toHaveLength(0);
    expect((await heapBytes()) - before).toBeLessThan(10 * CHILD_COUNT); // bytes; a child has more than a hundred
    expect(parent.cancelled).toBe(false);
  });

  it('charter A3, A4: lets go of those that end by their deadline, as they end', async () => {
    const clock = virtualClock();
    const parent = Context.withClock(clock).withCancel();
    const told = watchEach(parent, 1000);
    expect([watchersOf(parent), clock.pendingCount]).toEqual([1000, 1000]);

    await clock.advance(500);
    expect([watchersOf(parent), clock.pendingCount, told.count]).toEqual([500, 500, 500]);
    await clock.advance(500);
    expect([watchersOf(parent), clock.pendingCount, told.count]).toEqual([0, 0, 1000]);
  });

  it('charter A4: is itself retained by nobody who outlived it', async () => {
    const child = new WeakRef(Context.background.withCancel().withCancel());
    const ofSignal = new WeakRef(watched(Context.from(foreign.signal).withCancel()));
    ofSignal.deref()?.cancel();
    await heapBytes();

    expect([child.deref(), ofSignal.deref()]).toEqual([undefined, undefined]);
  });
});

function watchEach(parent: Context, count: number): { count: number } {
  const told = { count: 0 };
  for (let ms = 1; ms <= count; ms++) parent.withTimeout(ms).onCancel(() => told.count++);
  return told;
}

function watched(context: CancellableContext): CancellableContext {
  context.onCancel(() => {});
  return context;
}

function withSignalRead(context: CancellableContext): CancellableContext {
  if (context.signal.aborted) throw new Error('it has ended already');
  return context;
}

function watchersOf(context: Context): number {
  return (scopeOf(context) as unknown as { watcherList(): unknown[] }).watcherList().length;
}

/** Bytes in use after what is garbage has been collected. */
async function heapBytes(): Promise<number> {
  await settle();
  await new Promise(setImmediate);
  for (let round = 0; round < 3; round++) collectGarbage();
  return process.memoryUsage().heapUsed;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
