import { EventEmitter, once } from 'node:events';

import { bulkhead, Context, contextKey } from '@holdfast/core';
import { describe, expect, expectTypeOf, it } from 'vitest';

import { ambient, BrokenContextChainError } from './ambient.ts';

const user = contextKey<string>('user');
const contextOf = (name: string): Context => Context.background.withValue(user, name);
const here = (): string | undefined => ambient.current()?.value(user);
const STORE = Symbol.for('@holdfast/ambient-context');

describe('ambient store', () => {
  it('(1): is not made by asking, binding, or capturing where there is no context', () => {
    const emitter = new EventEmitter();
    const undo = ambient.bindEmitter(emitter);
    emitter.on('x', () => {});
    emitter.emit('x');
    undo();

    expect(ambient.current()).toBeUndefined();
    expect(ambient.bind(here)()).toBeUndefined();
    expect(ambient.capture()(() => 5)).toBe(5);
    expect((globalThis as Record<symbol, unknown>)[STORE]).toBeUndefined();
  });

  it('(2): is one for all, however often it is run in, and for all copies of the package', async () => {
    ambient.run(contextOf('ada'), here);
    const store = (globalThis as Record<symbol, unknown>)[STORE];
    ambient.run(contextOf('bob'), here);
    const url = `${new URL('./ambient.ts', import.meta.url).href}?copy`;
    const copy = (await import(/* @vite-ignore */ url)) as { ambient: typeof ambient };

    expect(store).toBeDefined();
    expect((globalThis as Record<symbol, unknown>)[STORE]).toBe(store);
    expect(copy.ambient.run(contextOf('eve'), here)).toBe('eve');
    expect(() => Object.defineProperty(globalThis, STORE, { value: {} })).toThrow(TypeError);
  });
});

describe('ambient.run', () => {
  it('runs with a context all that is started within', async () => {
    const seen: unknown[] = [];
    const note = (): number => seen.push(here());

    await ambient.run(contextOf('ada'), async () => {
      note();
      queueMicrotask(note);
      process.nextTick(note);
      await new Promise((resolve) => setTimeout(() => resolve(note()), 1));
      await Promise.all([Promise.resolve().then(note), new Promise(setImmediate).then(note)]);
      ambient.run(contextOf('bob'), note);
      note();
    });
    note();

    expect(seen).toEqual(['ada', 'ada', 'ada', 'ada', 'ada', 'ada', 'bob', 'ada', undefined]);
  });

  it('passes arguments on, and results and errors back', () => {
    const boom = new Error('boom');

    expect(ambient.run(contextOf('ada'), (a: number, b: string) => a + b, 1, '2')).toBe('12');
    expect(() => ambient.run(contextOf('ada'), () => { throw boom; })).toThrow(boom); // prettier-ignore
    expect(here()).toBeUndefined();
    expectTypeOf(ambient.run(contextOf('ada'), async () => 5)).toEqualTypeOf<Promise<number>>();
  });

  it('needs a context and a function', () => {
    for (const context of [undefined, null, {}, 'ada'])
      expect(() => ambient.run(context as never, here)).toThrow('run needs a Context');
    expect(() => ambient.run(contextOf('ada'), undefined as never)).toThrow('run needs a function, got undefined');
    expect(() => ambient.bind('fn' as never)).toThrow('bind needs a function, got string');
  });
});

describe('ambient.require', () => {
  it('returns the context, or says that the chain is broken', () => {
    const context = contextOf('ada');

    expect(ambient.run(context, () => ambient.require())).toBe(context);
    expect(() => ambient.require()).toThrow(BrokenContextChainError);
    expect(() => ambient.require()).toThrow(expect.objectContaining({ code: 'BROKEN_CONTEXT_CHAIN' }));
  });
});

describe('ambient.bind', () => {
  it('(1): runs a function where it was bound, also where that was nowhere', () => {
    const bound = ambient.run(contextOf('ada'), () => ambient.bind(here));
    const unbound = ambient.bind(here);

    expect([bound(), ambient.run(contextOf('eve'), bound)]).toEqual(['ada', 'ada']);
    expect(ambient.run(contextOf('eve'), unbound)).toBeUndefined();
    expect(ambient.bind(here, contextOf('bob'))()).toBe('bob');
    expect(ambient.run(contextOf('eve'), () => ambient.bind(here, undefined)())).toBeUndefined();
  });

  it('(2): changes neither this, nor arguments, results, errors, name and length', () => {
    const boom = new Error('boom');
    function sum(this: { base: number }, a: number, b: number): number {
      if (b < 0) throw boom;
      return this.base + a + b;
    }
    const bound = ambient.bind(sum, contextOf('ada'));

    expect(bound.call({ base: 1 }, 2, 3)).toBe(6);
    expect(() => bound.call({ base: 1 }, 2, -1)).toThrow(boom);
    expect([bound.name, bound.length]).toEqual(['sum', 2]);
    expectTypeOf(bound).toEqualTypeOf(sum);
  });
});

describe('ambient emitter', () => {
  it('(1): calls listeners where they were added, and knows them by themselves', () => {
    const emitter = new EventEmitter();
    const plain: unknown[] = [];
    emitter.on('x', () => plain.push(here()));
    const undo = ambient.bindEmitter(emitter);
    const seen: unknown[] = [];
    function listener(this: unknown, ...args: unknown[]): void {
      seen.push(here(), this === emitter, ...args);
    }

    ambient.run(contextOf('ada'), () => emitter.on('x', listener).once('x', listener));
    emitter.prependListener('x', listener);
    expect([emitter.listenerCount('x'), emitter.listeners('x').filter((each) => each === listener).length]).toEqual([
      4, 3,
    ]);
    ambient.run(contextOf('eve'), () => emitter.emit('x', 1, 2));
    expect(seen).toEqual([undefined, true, 1, 2, 'ada', true, 1, 2, 'ada', true, 1, 2]);
    expect(plain).toEqual(['eve']);

    emitter.removeListener('x', listener).off('x', listener);
    expect(emitter.listenerCount('x')).toBe(1);
    expect(ambient.bindEmitter(emitter)).toBe(undo);
    undo();
    undo();
    expect(Object.keys(emitter)).not.toContain('on');
    expect(Object.hasOwn(emitter, 'on')).toBe(false);
    ambient.run(contextOf('ada'), () => emitter.on('y', () => seen.push(here())));
    emitter.emit('y');
    expect(seen.at(-1)).toBeUndefined();
  });

  it('(2): runs a listener of once at most once, also if it emits, and removes it as if it were not bound', async () => {
    const emitter = new EventEmitter();
    ambient.bindEmitter(emitter);
    let count = 0;
    const listener = (): void => {
      count++;
      emitter.emit('x');
    };

    emitter.once('x', listener).prependOnceListener('x', listener);
    emitter.emit('x');
    emitter.emit('x');
    expect([count, emitter.listenerCount('x')]).toEqual([2, 0]);
    emitter.once('x', listener).removeListener('x', listener);
    expect(emitter.listenerCount('x')).toBe(0);
    const told = once(emitter, 'y');
    emitter.emit('y', 5);
    expect(await told).toEqual([5]);
    expect(emitter.eventNames()).toEqual([]);
    expect(() => emitter.on('x', 5 as never)).toThrow(TypeError);
    expect(() => ambient.bindEmitter({} as never)).toThrow('there is no method "on" to bind');
  });
});

describe('method patch', () => {
  class Pool {
    readonly #waiting: ((connection: number) => void)[] = [];
    acquire(callback: (connection: number) => void, _hint?: string): number {
      return this.#waiting.push(callback);
    }
    give(connection: number): void {
      this.#waiting.shift()?.(connection);
    }
  }

  it('makes the callbacks of a pool run where they were given', () => {
    const pool = new Pool();
    const seen: unknown[] = [];
    ambient.bindMethods(pool, ['acquire']);

    const place = ambient.run(contextOf('ada'), () =>
      pool.acquire((connection) => seen.push(here(), connection), 'hint'),
    );
    pool.acquire(() => seen.push(here()));
    ambient.run(contextOf('eve'), () => [pool.give(7), pool.give(8)]);

    expect(place).toBe(1);
    expect(seen).toEqual(['ada', 7, undefined]);
  });

  it('(1), (2): is undone once, and changes neither the class nor other objects of it', () => {
    const [pool, own] = [new Pool(), Object.assign(new Pool(), { acquire: () => 42 })];
    const acquireOf = (object: Pool): unknown => Reflect.get(object, 'acquire');
    const acquire = acquireOf(Pool.prototype);
    const undo = ambient.bindMethods(pool, ['acquire']);
    const undoOwn = ambient.bindMethods(own, ['acquire']);

    expect([acquireOf(Pool.prototype) === acquire, acquireOf(pool) === acquire]).toEqual([true, false]);
    undo();
    undoOwn();
    pool.acquire = () => 9;
    undo();
    expect([pool.acquire(() => {}), own.acquire()]).toEqual([9, 42]);
    expect(() => ambient.bindMethods(pool, ['release' as never])).toThrow('there is no method "release" to bind');
  });
});

describe('ambient.capture', () => {
  it('serves the port captureAsyncContext: a call that waits runs in its own context', async () => {
    const limited = bulkhead({ maxConcurrent: 1, maxQueued: 5, captureAsyncContext: ambient.capture });
    let release = (): void => {};
    const first = ambient.run(contextOf('eve'), () =>
      limited.execute(() => new Promise<void>((resolve) => (release = resolve))),
    );
    const waiting = ['ada', 'bob'].map((name) =>
      ambient.run(contextOf(name), () => limited.execute(async () => here())),
    );
    const outside = limited.execute(async () => here());

    ambient.run(contextOf('eve'), release);

    await first;
    expect(await Promise.all([...waiting, outside])).toEqual(['ada', 'bob', undefined]);
  });
});
