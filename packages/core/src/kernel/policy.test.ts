import { getEventListeners } from 'node:events';

import { describe, expect, it } from 'vitest';

import { timeout } from '../policies/timeout/timeout.ts';
import { never, observe, operationTable, settled } from '../testing/operation-table.ts';
import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { UNREAD } from './clock.ts';
import { Context } from './context.ts';
import { pipeline } from './pipeline.ts';
import { type Layer, type Operation } from './handler.ts';
import { type Policy, createPolicy } from './policy.ts';

const transparent = createPolicy({ kind: 'transparent', name: 'transparent', layer: (inner) => inner });
const foreign: Policy = { execute: (operation, context) => Promise.resolve(operation(context ?? Context.background)) };

describe('policy', () => {
  it('(1) a layer is told of each outcome exactly once, and nothing throws through it', async () => {
    const outcomes: string[] = [];
    const layer: Layer = (inner) => (operation, context, sink, now) =>
      inner(
        operation,
        context,
        {
          resolve: (value, at) => {
            outcomes.push('value');
            sink.resolve(value, at);
          },
          reject: (error, at) => {
            outcomes.push('error');
            sink.reject(error, at);
          },
          refuse: (error, at) => {
            outcomes.push('refused');
            sink.refuse(error, at);
          },
        },
        now,
      );
    const watching = createPolicy({ kind: 'watching', name: 'watching', layer });
    const context = Context.background.withCancel();
    const doubtful = {
      // oxlint-disable-next-line unicorn/no-thenable -- the point of it
      then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => (
        resolve(1),
        reject(2),
        resolve(3)
      ),
    };

    for (const { operation } of operationTable()) await settled(watching.execute(operation, context));
    await settled(watching.execute(() => doubtful as never, context));
    const racing = settled(watching.execute(() => new Promise((resolve) => setImmediate(resolve)), context));
    context.cancel();
    await racing;
    await settle();

    expect(outcomes).toHaveLength(operationTable().length + 2);
  });

  it('(2) a call settles when its context ends, and what the operation does later is dropped', async () => {
    const context = Context.background.withCancel();
    let finish: (value: string) => void = () => {};
    const call = observe(transparent.execute(() => new Promise((resolve) => (finish = resolve)), context));

    context.cancel('stop');
    await settle();
    finish('late');
    await settle();

    expect(call()).toEqual({ status: 'rejected', error: 'stop' });
  });

  it.each([
    ['built in', transparent],
    ['in a pipeline', pipeline(transparent)],
    ['around a foreign one', pipeline(transparent, foreign)],
    ['inside a foreign one', pipeline(foreign, transparent)],
  ])('(3) nothing starts under a context that has ended: %s', async (_where, policy) => {
    let runs = 0;

    await expect(policy.execute(() => runs++, Context.from(AbortSignal.abort('gone')))).rejects.toBe('gone');
    expect(runs).toBe(0);
  });

  it.each(operationTable())('(4) hands on by identity when the operation $title', async ({ operation, expected }) => {
    expect(await settled(transparent.execute(operation))).toEqual(expected);
    const call = await settled(transparent.execute(operation, Context.background.withCancel()));
    expect(call).toEqual(expected);
    if (call.status === 'rejected' && expected.status === 'rejected') expect(call.error).toBe(expected.error);
  });

  it('(5) the clock is read at most once going in and once coming out', async () => {
    let reads = 0;
    const virtual = virtualClock();
    const clock = { now: () => (reads++, virtual.now()), setTimer: virtual.setTimer.bind(virtual) };
    const instants: number[] = [];
    const reading: Layer = (inner) => (operation, context, sink, now) => {
      const at = now === UNREAD ? clock.now() : now;
      instants.push(at);
      inner(
        operation,
        context,
        {
          resolve: (value, settledAt) => sink.resolve(value, settledAt === UNREAD ? clock.now() : settledAt),
          reject: (error, settledAt) => sink.reject(error, settledAt),
          refuse: (error, settledAt) => sink.refuse(error, settledAt),
        },
        at,
      );
    };
    const layer = createPolicy({ kind: 'reading', name: 'reading', layer: reading, clock });

    await pipeline(layer, layer, layer, layer).execute(() => 'value');

    expect(instants).toEqual([0, 0, 0, 0]);
    expect(reads).toBe(2);
  });

  describe('(5) under a context', () => {
    const virtual = virtualClock(1000);
    let reads = 0;
    const clock = { now: () => (reads++, virtual.now()), setTimer: virtual.setTimer.bind(virtual) };
    const given: number[] = [];
    const layer: Layer = (inner) => (operation, context, sink, now) => {
      given.push(now);
      inner(operation, context, sink, now);
    };
    const policy = createPolicy({ kind: 'timed', name: 'timed', layer, clock });

    /** Runs a call under `context`; returns the instant that the layer was given and how often the clock was read. */
    async function run(context: Context): Promise<readonly [number | undefined, number]> {
      given.length = 0;
      reads = 0;
      await settled(policy.execute(() => 'value', context));
      return [given[0], reads];
    }

    it('without a deadline, nobody reads the clock', async () => {
      expect(await run(Context.withClock(clock).withCancel())).toEqual([UNREAD, 0]);
    });

    it('with one, it is read once and handed on', async () => {
      const context = Context.withClock(clock).withDeadline(2000);

      expect(await run(context)).toEqual([1000, 1]);
    });

    it('with one of another clock, its instants are not mixed up', async () => {
      expect(await run(Context.withClock(virtualClock(7)).withDeadline(2000))).toEqual([UNREAD, 0]);
    });

    it('whose deadline has passed unseen, nothing starts', async () => {
      const late = Context.withClock({ ...clock, now: () => virtual.now() }).withDeadline(1500);
      const own = Context.withClock(clock).withDeadline(1500);
      await virtual.advance(500);

      expect(await run(late)).toEqual([undefined, 0]);
      expect(await run(own)).toEqual([undefined, 1]);
    });
  });

  describe('around a foreign one', () => {
    const reports: string[] = [];
    const watching = createPolicy({
      kind: 'watching',
      name: 'watching',
      layer: (inner) => (operation, context, sink, now) => {
        const note = (what: string) => (outcome: unknown) => {
          reports.push(what);
          sink.resolve(outcome, UNREAD);
        };
        inner(operation, context, { resolve: note('value'), reject: note('error'), refuse: note('refused') }, now);
      },
    });
    const refusing: Policy = { execute: () => Promise.reject(new Error('no')) };
    const ending = createPolicy({
      kind: 'ending',
      name: 'ending',
      layer: (inner) => (operation, _context, sink, now) =>
        inner(operation, Context.from(AbortSignal.abort('gone')), sink, now),
    });

    it.each<[string, readonly Policy[], () => unknown]>([
      ['value', [foreign], () => 1],
      ['error', [foreign], () => Promise.reject(new Error('boom'))],
      ['refused', [refusing], () => 1],
      ['refused', [ending, foreign], () => 1],
    ])('an operation that it did not run is refused: %s', async (expected, policies, operation) => {
      reports.length = 0;
      await pipeline(watching, ...policies).execute(operation);

      expect(reports).toEqual([expected]);
    });
  });

  describe('execute', () => {
    it('tells of an end before what comes after it in the turn', async () => {
      const context = Context.background.withCancel();
      const order: string[] = [];
      const call = transparent.execute(never, context).catch(() => order.push('call'));
      context.cancel();
      const after = Promise.resolve().then(() => order.push('after'));
      await Promise.all([call, after]);

      expect(order).toEqual(['call', 'after']);
    });

    it('refuses what is no function and no context, as a rejection', async () => {
      await expect(transparent.execute('no' as never)).rejects.toThrow('execute needs a function to run');
      await expect(transparent.execute(() => 1, new AbortController().signal as never)).rejects.toThrow(
        'Context.from(signal)',
      );
      await expect(transparent.execute(() => 1, null as never)).rejects.toThrow(TypeError);
    });

    it('gives the operation the background context where there is no other', async () => {
      await expect(transparent.execute((context) => context)).resolves.toBe(Context.background);
    });

    it('charter G5: an operation that cancels its own context while it starts ends with the cause', async () => {
      const context = Context.background.withCancel();
      const call = await settled(
        transparent.execute((own) => {
          (own as typeof context).cancel('by itself');
          return never();
        }, context),
      );

      expect(call).toEqual({ status: 'rejected', error: 'by itself' });
    });

    it('leaves no listener behind that native code would warn of', async () => {
      const controller = new AbortController();
      const context = Context.from(controller.signal);

      await Promise.all(Array.from({ length: 100 }, () => transparent.execute(() => Promise.resolve(1), context)));

      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    });
  });

  describe('charter I5: wrap', () => {
    class Shop {
      readonly prefix = 'price of ';
      price(this: Shop, id: string, currency = 'EUR'): string {
        return `${this.prefix}${id} in ${currency}`;
      }
    }

    it('keeps this, arguments, name and length', async () => {
      // oxlint-disable-next-line typescript/unbound-method -- wrap hands `this` on
      const wrapped = transparent.wrap(Shop.prototype.price);

      await expect(wrapped.call(new Shop(), 'a', 'USD')).resolves.toBe('price of a in USD');
      await expect(wrapped.call(new Shop(), 'a')).resolves.toBe('price of a in EUR');
      expect([wrapped.name, wrapped.length]).toEqual(['price', 1]);
    });

    it('needs a function, and gives one whose name and length can be set, as those of any function', () => {
      const wrapped = transparent.wrap(() => 1);

      expect(() => transparent.wrap('price' as never)).toThrow(new TypeError('wrap needs a function'));
      for (const property of ['name', 'length']) {
        expect(Object.getOwnPropertyDescriptor(wrapped, property)).toMatchObject({
          writable: false,
          enumerable: false,
          configurable: true,
        });
      }
    });

    it('takes a context as the first argument, and hands its own on', async () => {
      const clock = virtualClock();
      const policy = timeout({ timeoutMs: 100, clock });
      const wrapped = policy.wrap((context: Context, plus: number) => context.deadline + plus);

      await expect(wrapped(Context.withClock(clock), 5)).resolves.toBe(105);
      await expect(wrapped(Context.withClock(clock).withTimeout(10), 5)).resolves.toBe(15);
    });

    it('leaves other first arguments alone', async () => {
      const wrapped = transparent.wrap((signal: AbortSignal) => signal);
      const { signal } = new AbortController();

      await expect(wrapped(signal)).resolves.toBe(signal);
    });
  });

  it('a foreign policy that drops the context still runs under that of the call', async () => {
    const dropping: Policy = { execute: (operation: Operation) => Promise.resolve((operation as () => never)()) };
    const context = Context.background.withCancel();

    await expect(pipeline(transparent, dropping, transparent).execute((own) => own, context)).resolves.toBe(context);
  });
});
