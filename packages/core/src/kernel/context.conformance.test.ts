import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { seededRandom } from '../testing/seeded-random.ts';
import { type VirtualClock, virtualClock } from '../testing/virtual-clock.ts';
import { isCancelled, isTimeout } from './cancellation.ts';
import { type CancellableContext, Context, contextKey, scopeOf } from './context.ts';
import { onHookError } from './hooks.ts';

/**
 * The facts about Go's package context, one test or more per fact, by their numbers B1 to B33: what its documentation and its
 * own tests say. Those about causes, B26 to B28, are in `context-cause.conformance.test.ts`.
 */
describe('context, as in Go', () => {
  const HOUR_MS = 3_600_000;
  const name = contextKey<string>('name');
  let clock: VirtualClock;
  let root: Context;

  beforeEach(() => {
    clock = virtualClock(1000);
    root = Context.withClock(clock);
  });

  describe('roots', () => {
    it('B1: background is one object that never ends, with no deadline and no values', () => {
      const { background } = Context;

      expect(background).toBe(Context.background);
      expect([background.cancelled, background.cause, background.endedBy]).toEqual([false, undefined, undefined]);
      expect([background.deadline, background.remainingMs()]).toEqual([Infinity, Infinity]);
      expect(background.value(name)).toBeUndefined();
      expect(background.signal).toBe(background.signal);
      expect(String(background)).toBe('Context(live)');
    });

    it('B2: nothing registers with a root that never ends', () => {
      for (let index = 0; index < 100; index++) {
        const child = Context.background.withCancel();
        child.onCancel(() => {});
        void child.signal;
        Context.background.signal.addEventListener('abort', () => {});
      }

      expect(getEventListeners(Context.background.signal, 'abort')).toHaveLength(0);
      expect(watchersOf(Context.background)).toBe(0);
    });
  });

  describe('cancel', () => {
    it('B3: shows in what the context prints', () => {
      const context = root.withCancel();
      expect(String(context)).toBe('Context(live)');
      context.cancel();
      expect(String(context)).toBe('Context(ended by a cancel)');
    });

    it('B4: is seen by the context and all derived from it when cancel returns', () => {
      const context = root.withCancel();
      const all = [context, context.withValue(name, 'x'), context.withCancel(), context.withTimeout(5)];
      expect(all.map(({ cancelled }) => cancelled)).toEqual([false, false, false, false]);
      const signals = all.map(({ signal }) => signal);

      context.cancel();

      expect(all.every(({ cause }) => cause === context.cause && isCancelled(cause))).toBe(true);
      expect(signals.every(({ aborted, reason }) => aborted && reason === context.cause)).toBe(true);
    });

    it('B5: the first call wins, for ever', () => {
      const context = root.withCancel();
      const first = new Error('first');

      context.cancel(first);
      context.cancel(new Error('second'));
      context.cancel();

      expect([context.cause, context.endedBy]).toEqual([first, 'cancel']);
    });

    it('B6: reaches children through values and deadlines, and lets go of them and their timers', () => {
      const context = root.withCancel();
      const seen: unknown[] = [];
      const family = [context.withCancel(), context.withValue(name, 'x').withTimeout(500)];
      for (const child of family) child.onCancel((cause) => seen.push(cause));
      expect([clock.pendingCount, watchersOf(context)]).toEqual([1, 2]);

      context.cancel('stop');

      expect(seen).toEqual(['stop', 'stop']);
      expect([clock.pendingCount, watchersOf(context), ...family.map(watchersOf)]).toEqual([0, 0, 0, 0]);
    });

    it('B7: a context derived from an ended one has ended from the start, with its cause', () => {
      const context = root.withCancel();
      context.cancel('stop');

      for (let index = 0; index < 100; index++) {
        const derived = [context.withCancel(), context.withTimeout(5), context.withValue(name, 'x')];
        expect(derived.map(({ cause }) => cause)).toEqual(['stop', 'stop', 'stop']);
        expect(derived.every(({ signal }) => signal.aborted && signal.reason === 'stop')).toBe(true);
      }
      expect([clock.pendingCount, watchersOf(context)]).toEqual([0, 0]);
    });

    it('B8: of a child takes it off its parent, and leaves that and the siblings alone', () => {
      const context = root.withCancel();
      for (const child of [context.withCancel(), context.withTimeout(50)]) {
        expect(watchersOf(context)).toBe(0);
        void child.signal;
        expect(watchersOf(context)).toBe(1);
        child.cancel();
        expect([watchersOf(context), clock.pendingCount]).toEqual([0, 0]);
      }
      expect(context.cancelled).toBe(false);
    });

    it('B9: from inside a notification, of anything, does no harm', () => {
      const context = root.withCancel();
      const seen: string[] = [];
      const [first, second] = [context.withCancel(), context.withCancel()];
      first.onCancel(() => {
        seen.push('first');
        second.cancel('by first');
        context.cancel('again');
        using late = context.withCancel();
        late.onCancel(() => seen.push('late'));
      });
      second.onCancel((cause) => seen.push(`second: ${String(cause)}`));

      context.cancel('stop');

      expect(seen).toEqual(['first', 'second: stop', 'late']);
    });

    it('B9: of a hundred nodes in any order, each from inside of another’s notification, ends all', () => {
      const random = seededRandom(9);
      const nodes: CancellableContext[] = [root.withCancel()];
      const told = new Set<number>();
      while (nodes.length < 100) {
        const parent = nodes[Math.floor(random() * nodes.length)] as CancellableContext;
        nodes.push(random() < 0.5 ? parent.withCancel() : parent.withTimeout(HOUR_MS));
      }
      for (const [index, node] of nodes.entries()) {
        node.onCancel(() => {
          told.add(index);
          nodes[Math.floor(random() * nodes.length)]?.cancel();
        });
      }

      for (const node of nodes.toSorted(() => random() - 0.5)) node.cancel();

      expect(told.size).toBe(100);
      expect([clock.pendingCount, ...new Set(nodes.map(watchersOf))]).toEqual([0, 0]);
    });

    it.each(['cancel', 'timeout'])(
      'B10: values are readable through thirty layers, before and after a %s',
      async (how) => {
        const random = seededRandom(10);
        const base = how === 'cancel' ? root.withCancel() : root.withTimeout(100);
        const set = new Map<ReturnType<typeof contextKey<number>>, number>();
        let context: Context = base;
        for (let layer = 0; layer < 30; layer++) {
          const key = contextKey<number>(`k${layer}`);
          const kind = Math.floor(random() * 3);
          context =
            kind === 0
              ? context.withCancel()
              : kind === 1
                ? context.withTimeout(HOUR_MS)
                : context.withValue(key, layer);
          if (kind === 2) set.set(key, layer);
        }
        const read = (): unknown[] => [...set.keys()].map((key) => context.value(key));

        expect(read()).toEqual([...set.values()]);
        base.cancel(how === 'cancel' ? 'stop' : undefined);
        await clock.advance(100);
        expect(context.cancelled).toBe(true);
        expect(read()).toEqual([...set.values()]);
      },
    );

    it('B11: a context cannot be made of nothing', () => {
      expect(() => Context.from(null as never)).toThrow(TypeError);
      expect(() => root.withSignal(undefined as never)).toThrow('needs an AbortSignal');
    });
  });

  describe('deadline', () => {
    it('B12: is the earlier of the parent’s and the own; the parent’s needs no second timer', () => {
      const context = root.withTimeout(100);
      const derived = [200, 100, 50].map((ms) => context.withTimeout(ms));

      expect([context, ...derived].map(({ deadline }) => deadline)).toEqual([1100, 1100, 1100, 1050]);
      for (const each of derived.slice(0, 2)) each.onCancel(() => {});
      expect(clock.pendingCount).toBe(1);
    });

    it('B13: shows in what the context prints', async () => {
      const context = root.withTimeout(100);
      expect(String(context)).toBe('Context(live, 100 ms left)');
      await clock.advance(100);
      expect(String(context)).toBe('Context(ended by a deadline)');
    });

    it.each([0, -1, -Infinity])('B14: of %d ms has passed at once', (ms) => {
      const context = root.withTimeout(ms);

      expect([context.cancelled, context.endedBy, context.signal.aborted]).toEqual([true, 'deadline', true]);
      expect(context.remainingMs()).toBe(0);
      expect(root.withDeadline(1000 + ms).cause).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    });

    it('B15: comes at its instant, neither before nor after, also through a longer one of a child', async () => {
      const context = root.withTimeout(100);
      const child = context.withValue(name, 'x').withTimeout(500);
      const seen: number[] = [];
      for (const each of [context, child]) each.onCancel(() => seen.push(clock.now()));

      await clock.advance(99);
      expect(seen).toEqual([]);
      await clock.advance(1);
      expect(seen).toEqual([1100, 1100]);
      expect([child.cause, child.endedBy]).toEqual([context.cause, 'deadline']);
    });

    it('B16: does not come after a cancel, which stops the timer', async () => {
      const context = root.withTimeout(100);
      void context.signal;
      expect(clock.pendingCount).toBe(1);
      context.cancel();
      expect(clock.pendingCount).toBe(0);

      await clock.advance(200);

      expect([context.endedBy, isCancelled(context.cause)]).toEqual(['cancel', true]);
    });

    it('B17: once passed, is not changed by a cancel, although nobody had looked', async () => {
      const context = root.withTimeout(100);
      await clock.advance(100);

      context.cancel('later');

      expect([context.endedBy, isTimeout(context.cause)]).toEqual(['deadline', true]);
    });

    it('B18: withTimeout(d) is withDeadline(now + d), for very long times too', async () => {
      const ms = 1000 * HOUR_MS;
      const context = root.withTimeout(ms);
      let endedAt = 0;
      context.onCancel(() => (endedAt = clock.now()));

      expect(context.deadline).toBe(root.withDeadline(1000 + ms).deadline);
      await clock.advance(ms - 1);
      expect(endedAt).toBe(0);
      await clock.advance(1);
      expect(endedAt).toBe(1000 + ms);
    });

    it('B19: is the same whenever one asks, inherited, and hidden by withoutCancel', async () => {
      const context = root.withTimeout(100);
      const derived = [context, context.withCancel(), context.withValue(name, 'x')];
      const deadlines = (): number[] => derived.map(({ deadline }) => deadline);

      expect(deadlines()).toEqual([1100, 1100, 1100]);
      await clock.advance(200);
      expect(deadlines()).toEqual([1100, 1100, 1100]);
      expect([root.withCancel().deadline, context.withoutCancel().deadline]).toEqual([Infinity, Infinity]);
    });

    it('B20: has a cause that says so, by the platform’s name and a code', () => {
      const cancelled = root.withCancel();
      cancelled.cancel();

      expect(root.withTimeout(0).cause).toMatchObject({
        name: 'TimeoutError',
        code: 'DEADLINE_EXCEEDED',
        message: 'the deadline of the context passed',
      });
      expect(cancelled.cause).toMatchObject({
        name: 'AbortError',
        code: 'CANCELLED',
        message: 'the context was cancelled',
      });
      expect([root.withTimeout(0).cause, cancelled.cause].map(isTimeout)).toEqual([true, false]);
    });
  });

  describe('values', () => {
    it('B21: keys are equal only to themselves, the nearest wins, undefined hides', () => {
      const other = contextKey<string>('name');
      const context = root.withValue(name, 'outer').withCancel().withValue(other, 'other').withValue(name, 'inner');

      expect([context.value(name), context.value(other)]).toEqual(['inner', 'other']);
      expect(context.withValue(name, undefined as unknown as string).value(name)).toBeUndefined();
      expect(root.value(name)).toBeUndefined();
    });

    it('B22: are seen through every kind of derivation', () => {
      const context = root.withValue(name, 'x');
      const { signal } = new AbortController();
      const derived = [
        context.withCancel(),
        context.withTimeout(5),
        context.withSignal(signal),
        context.withoutCancel(),
        context.withValue(contextKey('other'), 1),
      ];

      expect(derived.map((each) => each.value(name))).toEqual(Array(5).fill('x'));
    });

    it('B23: are never printed, only the names of their keys', () => {
      const context = root.withValue(contextKey('token'), 's3cret').withTimeout(5).withValue(name, 's3cret');
      const printed = 'Context(live, 5 ms left; values: name, token)';

      expect(String(context.withValue(name, 'again'))).toBe(printed);
      expect(inspect({ context }, { depth: 9, showHidden: true })).toBe(`{ context: ${printed} }`);
      expect(JSON.stringify({ context })).toBe(`{"context":"${printed}"}`);
    });

    it('B24: need a key made by contextKey()', () => {
      for (const key of [null, undefined, 'name', 7, Symbol('name')])
        expect(() => root.withValue(key as never, 1)).toThrow('withValue needs a key made by contextKey()');
    });

    it('B25: cost no bookkeeping of cancellation', () => {
      const context = root.withTimeout(5);

      expect(scopeOf(context.withValue(name, 'x').withValue(name, 'y'))).toBe(scopeOf(context));
    });
  });

  it('B29: withoutCancel keeps the values only, whatever becomes of the parent', () => {
    const parent = root.withValue(name, 'x').withTimeout(10);
    const free = parent.withoutCancel();
    parent.cancel('stop');

    expect([free.cancelled, free.cause, free.endedBy, free.deadline]).toEqual([false, undefined, undefined, Infinity]);
    expect([free.value(name), parent.withoutCancel().value(name), free.signal.aborted]).toEqual(['x', 'x', false]);
    expect(free.withTimeout(5).deadline).toBe(1005);
  });

  describe('onCancel', () => {
    afterEach(() => void onHookError(undefined));

    it('B30: runs on cancel, on the deadline, and at once when it is over already', async () => {
      const seen: unknown[] = [];
      const [cancelled, timed] = [root.withCancel(), root.withTimeout(10)];
      cancelled.onCancel((cause) => seen.push(cause));
      timed.onCancel((cause) => seen.push(cause));

      cancelled.cancel('stop');
      await clock.advance(10);
      cancelled.onCancel((cause) => seen.push(cause));

      expect(seen).toEqual(['stop', timed.cause, 'stop']);
    });

    it('B30: runs each of several, the same function too, once, in order, before cancel returns', () => {
      const context = root.withCancel();
      const seen: number[] = [];
      const twice = (): number => seen.push(2);
      for (const listener of [() => seen.push(1), twice, twice, () => seen.push(3)]) context.onCancel(listener);

      context.cancel();
      context.cancel();

      expect(seen).toEqual([1, 2, 2, 3]);
    });

    it('B30: is unhooked by what it returns, which tells whether it was that that kept it from running', async () => {
      const context = root.withTimeout(10);
      let runs = 0;
      const [stop, late] = [context.onCancel(() => runs++), context.onCancel(() => runs++)];
      const [onRoot, onEnded] = [root.onCancel(() => runs++), root.withTimeout(0).onCancel(() => {})];

      expect([stop(), stop()]).toEqual([true, false]);
      expect([onRoot(), onRoot(), onEnded()]).toEqual([true, false, false]);
      await clock.advance(10);
      expect([late(), runs]).toEqual([false, 1]);
    });

    it('B30: may be unhooked by another listener, during the notification', () => {
      const context = root.withCancel();
      const stopped: boolean[] = [];
      context.onCancel(() => stopped.push(stop(), stop()));
      const stop = context.onCancel(() => stopped.push(true));

      context.cancel();

      expect(stopped).toEqual([true, false]);
    });

    it('B30: cancel does not wait for an async listener, and reports its rejection', async () => {
      const reported: unknown[] = [];
      onHookError((error) => reported.push(error.hook, error.cause));
      const [context, boom] = [root.withCancel(), new Error('boom')];
      const listener = (): unknown => Promise.reject(boom);
      context.onCancel(listener);

      context.cancel();
      await new Promise(setImmediate);

      expect(reported).toEqual(['onCancel', boom]);
    });

    it('B30: needs a function', () => {
      expect(() => root.onCancel('listener' as never)).toThrow(new TypeError('onCancel needs a function'));
    });
  });

  describe('below a signal of somebody else', () => {
    it('B31: listens once, whoever watches, and stops when the children leave', () => {
      const controller = new AbortController();
      const context = Context.from(controller.signal);
      const count = (): number => getEventListeners(controller.signal, 'abort').length;

      const stops = [context.onCancel(() => {}), context.withCancel().onCancel(() => {})];
      const child = root.withSignal(controller.signal).withCancel();
      void child.signal;
      expect(count()).toBe(1);
      for (const stop of stops) stop();
      expect(count()).toBe(1);
      child.cancel();
      expect(count()).toBe(0);
    });
  });

  it('B32, B33: plain derivation makes no timer, no listener, no controller and no place in a list', () => {
    const { AbortController: native } = globalThis;
    const { signal } = new native();
    let madeCount = 0;
    globalThis.AbortController = class extends native {
      constructor() {
        super();
        madeCount++;
      }
    };
    try {
      const parent = Context.from(signal).withCancel();
      for (let index = 0; index < 1000; index++) {
        const context = parent.withValue(name, 'x').withTimeout(HOUR_MS).withCancel();
        expect(context.cancelled).toBe(false);
        context.cancel();
      }
      expect([watchersOf(parent), getEventListeners(signal, 'abort').length, madeCount]).toEqual([0, 0, 0]);
      expect([parent.signal.aborted, madeCount]).toEqual([false, 1]);
    } finally {
      globalThis.AbortController = native;
    }
  });
});

/** How many hang on a context. */
function watchersOf(context: Context): number {
  return (scopeOf(context) as unknown as { watcherList(): unknown[] }).watcherList().length;
}
