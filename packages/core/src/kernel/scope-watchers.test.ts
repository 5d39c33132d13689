import { describe, expect, it } from 'vitest';

import { virtualClock } from '../testing/virtual-clock.ts';
import { type CancellableContext, Context, contextKey } from './context.ts';
import { callKey } from './context-values.ts';

const DEPTH = 100_000;
const root = (): CancellableContext => Context.withClock(virtualClock()).withCancel();

/** A chain of contexts below `top`, the lowest last. */
function chain(top: Context, derive: (parent: Context, at: number) => Context, depth = DEPTH): Context {
  let context = top;
  for (let at = 0; at < depth; at++) context = derive(context, at);
  return context;
}

describe('scope watchers', () => {
  it('(1): tell in the order of coming, those below in the place of their scope', () => {
    const parent = root();
    const told: string[] = [];
    const note = (name: string) => (): number => told.push(name);
    const [one, two] = [parent.withCancel(), parent.withCancel()];
    parent.onCancel(note('first'));
    one.onCancel(note('one'));
    const below = one.withCancel();
    below.onCancel(note('below one'));
    parent.onCancel(note('second'));
    two.onCancel(note('two'));
    one.onCancel(note('one again'));

    parent.cancel();

    expect(told).toEqual(['first', 'one', 'below one', 'one again', 'second', 'two']);
  });

  it('(1): go on where they were, when a listener ends another scope or comes and goes', () => {
    const parent = root();
    const told: string[] = [];
    const children = ['a', 'b', 'c', 'd'].map((name) => {
      const child = parent.withCancel();
      child.onCancel((cause) => told.push(`${name}: ${String(cause)}`));
      return child;
    });
    const apart = root();
    apart.withCancel().onCancel((cause) => told.push(`apart: ${String(cause)}`));
    children[0]?.onCancel(() => {
      apart.cancel('by a');
      children[2]?.cancel('by a');
      stopD();
    });
    const stopD = children[3]?.onCancel(() => told.push('stopped')) as () => boolean;

    parent.cancel('stop');

    expect(told).toEqual(['a: stop', 'apart: by a', 'c: stop', 'b: stop', 'd: stop']);
  });

  it('(2): reach the end of a chain of 100 000', () => {
    const top = root();
    const told: unknown[] = [];
    const lowest = chain(top, (parent) => parent.withCancel());
    lowest.onCancel((cause) => told.push(cause));
    void lowest.signal;

    top.cancel('stop');

    expect([told, lowest.signal.reason]).toEqual([['stop'], 'stop']);
  });
});

describe('cancel scope', { timeout: 60_000 }, () => {
  it('(7): is asked, watched and left at the end of a chain of 100 000', async () => {
    const clock = virtualClock();
    const top = Context.withClock(clock).withCancel();
    const asked = chain(top, (parent) => parent.withCancel());
    const stop = asked.onCancel(() => {});

    expect([asked.cancelled, stop(), stop()]).toEqual([false, true, false]);
    top.cancel('stop');
    expect([asked.cancelled, asked.cause, clock.pendingCount]).toEqual([true, 'stop', 0]);
  });

  it.each([
    ['one deadline above', (parent: Context, at: number) => (at === 0 ? parent.withTimeout(50) : parent.withCancel())],
    ['ever earlier ones', (parent: Context, at: number) => parent.withTimeout(DEPTH + 50 - at)],
    ['ever later ones', (parent: Context, at: number) => parent.withTimeout(50 + at)],
  ])('(7): ends by its deadline at the end of a chain of 100 000, with %s', async (_what, derive) => {
    const clock = virtualClock();
    const [watched, unwatched] = [1, 2].map(() => chain(Context.withClock(clock), derive));
    let endedAt: number | undefined;
    watched?.onCancel(() => (endedAt = clock.now()));

    await clock.advance(DEPTH + 50);

    expect(endedAt).toBe(watched?.deadline);
    expect([watched?.endedBy, unwatched?.endedBy, unwatched?.signal.aborted]).toEqual(['deadline', 'deadline', true]);
    expect(clock.pendingCount).toBe(0);
  });

  it('(7): keeps its values and loses those of a call at the end of a chain of 100 000', () => {
    const [kept, ofCall] = [contextKey<number>('kept'), callKey<number>('of call')];
    const context = chain(root(), (parent, at) => parent.withValue(at % 2 === 0 ? kept : ofCall, at));
    const free = context.withoutCancel();

    expect([context.value(kept), context.value(ofCall)]).toEqual([DEPTH - 2, DEPTH - 1]);
    expect([free.value(kept), free.value(ofCall)]).toEqual([DEPTH - 2, undefined]);
  });

  it('(7): follows a signal at the end of a chain of 10 000', () => {
    const controller = new AbortController();
    const lowest = chain(Context.from(controller.signal), (parent) => parent.withCancel(), 10_000);
    let told: unknown;
    lowest.onCancel((cause) => (told = cause));

    controller.abort('left');

    expect([told, lowest.cause]).toEqual(['left', 'left']);
  });
});
