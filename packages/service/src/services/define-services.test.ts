import { Context, onHookError } from '@holdfast/core';
import { settle } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { defineServices } from './define-services.ts';

const boom = new Error('boom');

/** A service that notes when it is disposed of. */
function disposable(log: string[], name: string) {
  return { name, [Symbol.dispose]: () => void log.push(`${name} disposed`) };
}

describe('defineServices', () => {
  it('does not wait for an eager service that hangs any longer than its start may, and disposes of the others', async () => {
    const log: string[] = [];
    const container = defineServices()
      .add('config', () => disposable(log, 'config'), { isEager: true })
      .add('hangs', () => new Promise<string>(() => {}), { isEager: true })
      .build();
    const context = Context.background.withTimeout(20);

    await expect(container.start(context)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(log).toEqual(['config disposed']);
  });

  it('disposes of a service that arrives when all has been disposed of, and reports what that throws', async () => {
    const log: string[] = [];
    const arrivals: (() => void)[] = [];
    const late = (name: string) => () =>
      new Promise<object>((resolve) => void arrivals.push(() => resolve(disposable(log, name))));
    const reported: unknown[] = [];
    const before = onHookError(({ cause }) => void reported.push(cause));
    const container = defineServices()
      .add('pool', late('pool'))
      .add('worse', late('worse'), { dispose: () => Promise.reject(boom) })
      .build();
    const asked = [container.services.pool, container.services.worse];
    const context = Context.background.withCancel();
    const disposing = container.dispose(context);
    context.cancel();
    await expect(disposing).rejects.toMatchObject({ code: 'DISPOSE_FAILED' });
    for (const arrive of arrivals) arrive();
    await settle();
    onHookError(before);

    expect(log).toEqual(['pool disposed']);
    expect(reported).toEqual([boom]);
    for (const service of asked) await expect(service).rejects.toMatchObject({ code: 'SERVICES_DISPOSED' });
  });

  it('(1) makes anew what has come as a context and was refused', async () => {
    let tries = 0;
    const { services } = defineServices()
      .add('late', async (): Promise<unknown> => (++tries === 1 ? Context.background : 'fine'))
      .build();

    await expect(services.late).rejects.toMatchObject({ name: 'ConfigError' });
    expect(await services.late).toBe('fine');
  });

  it('(1) makes each service once, when it is first used', async () => {
    const makePool = vi.fn<(url: string) => { url: string }>((url) => ({ url }));
    const { services } = defineServices()
      .value('config', { url: 'postgres://db' })
      .add('pool', ({ config }) => makePool(config.url))
      .add('orders', ({ pool }) => ({ pool }))
      .build();
    expect(makePool).not.toHaveBeenCalled();

    expect(services.orders.pool).toBe(services.pool);
    expect(services.pool).toEqual({ url: 'postgres://db' });
    expect(makePool).toHaveBeenCalledTimes(1);
    expect(Object.keys(services)).toEqual(['config', 'pool', 'orders']);
  });

  it('(1) makes what failed anew, also where it failed late', async () => {
    let tries = 0;
    const { services } = defineServices()
      .add('sync', () => {
        if (++tries === 1) throw boom;
        return tries;
      })
      .add('late', async () => {
        await settle();
        if (++tries === 3) throw boom;
        return tries;
      })
      .build();

    expect(() => services.sync).toThrow(boom);
    expect(services.sync).toBe(2);
    await expect(services.late).rejects.toBe(boom);
    expect(await services.late).toBe(4);
    expect(services.late).toBe(services.late);
  });

  it('(1) start makes the eager ones, in order; when one fails all are disposed of', async () => {
    const log: string[] = [];
    const make = (name: string) => () => {
      log.push(`${name} made`);
      return disposable(log, name);
    };
    const container = defineServices()
      .add('lazy', make('lazy'))
      .add('first', make('first'), { isEager: true })
      .add('second', async () => make('second')(), { isEager: true })
      .build();
    await container.start();
    expect(log).toEqual(['first made', 'second made']);

    const failing = defineServices()
      .add('first', make('third'), { isEager: true })
      .add('second', () => Promise.reject(boom), { isEager: true })
      .build();
    await expect(failing.start()).rejects.toBe(boom);
    expect(log.slice(2)).toEqual(['third made', 'third disposed']);
    expect(() => failing.services.first).toThrow('there is no first any more');
  });

  it('(1) start ends with its context', async () => {
    const container = defineServices()
      .add('slow', () => new Promise(() => {}), { isEager: true })
      .build();
    const context = Context.background.withCancel();
    const starting = container.start(context).catch((error: unknown) => error);
    await settle();
    context.cancel(boom);
    void container.dispose(context).catch(() => {});

    expect(await starting).toBe(boom);
    await expect(
      defineServices()
        .add('a', () => 1, { isEager: true })
        .build()
        .start(context),
    ).rejects.toBe(boom);
  });

  it('(2) refuses circles, which only a cast can make, and names that are taken', () => {
    const { services } = defineServices()
      .add('a', (others) => (others as { readonly b: unknown }).b)
      .add('b', ({ a }) => ({ a }))
      .build();

    expect(() => services.b).toThrow('services.b must be made of others than itself');
    const base = defineServices().value('a', 1);
    expect(() => base.value('a' as never, 2)).toThrow('services name must be unique among the services, got "a"');
    expect(() => base.value('' as never, 2)).toThrow('services name must be a non-empty string');
    expect(() => base.value('then', 2)).toThrow("another than 'then'");
    expect(() => base.add('b', 1 as never)).toThrow('services.b make must be a function');
    expect(() => base.add('b', () => 1, { lazy: true } as never)).toThrow('services.b has no option "lazy"');
    expect(() => base.add('b', () => 1, { isEager: 1 } as never)).toThrow('services.b.isEager must be true or false');
    expect(() => base.add('b', () => 1, { dispose: 1 } as never)).toThrow('services.b.dispose must be a function');
  });

  it('(3), charter B2: disposes in reverse order of making, not of definition, each once', async () => {
    const log: string[] = [];
    const container = defineServices()
      .add('a', () => disposable(log, 'a'))
      .add('b', async () => ({ [Symbol.asyncDispose]: async () => void log.push('b disposed') }))
      .add('c', ({ a }) => ({ a }), { dispose: () => void log.push('c disposed') })
      .add('unused', () => disposable(log, 'unused'))
      .build();
    await container.services.b;
    void container.services.c; // makes a first
    const disposing = container.dispose();
    await Promise.all([container.dispose(), disposing]);

    expect(log).toEqual(['c disposed', 'a disposed', 'b disposed']);
    expect(() => container.services.a).toThrow(expect.objectContaining({ code: 'SERVICES_DISPOSED' }) as Error);
  });

  it('(3) disposes of all, whatever some do, and tells of it', async () => {
    const log: string[] = [];
    const container = defineServices()
      .add('a', () => disposable(log, 'a'))
      .add('b', () => 1, { dispose: () => Promise.reject(boom) })
      .add('c', () => 2, { dispose: () => new Promise(() => {}) })
      .build();
    void [container.services.a, container.services.b, container.services.c];
    const error: unknown = await container
      .dispose(Context.background.withTimeout(20))
      .catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      name: 'DisposeFailedError',
      code: 'DISPOSE_FAILED',
      message: 'could not dispose of c, b, a',
    });
    const other = defineServices()
      .add('a', () => disposable(log, 'a'))
      .add('b', () => 1, { dispose: () => Promise.reject(boom) })
      .build();
    void [other.services.a, other.services.b];
    await expect(other.dispose()).rejects.toMatchObject({ failures: [{ name: 'b', error: boom }], cause: boom });
    expect(log).toEqual(['a disposed']);
  });

  it('(3) waits for what is being made, disposes of it, and makes nothing more', async () => {
    const log: string[] = [];
    let finish: () => void = () => {};
    const container = defineServices()
      .add('slow', () => new Promise<object>((resolve) => (finish = () => resolve(disposable(log, 'slow')))))
      .add('other', () => 1)
      .build();
    const coming = container.services.slow;
    const disposing = container.dispose();
    expect(() => container.services.other).toThrow('there is no other any more');
    finish();
    await disposing;

    expect(log).toEqual(['slow disposed']);
    expect(await coming).toMatchObject({ name: 'slow' });
  });

  it('(4) leaves to their makers the values that were handed in', async () => {
    const log: string[] = [];
    const given = disposable(log, 'given');
    {
      await using container = defineServices()
        .value('given', given)
        .add('own', () => disposable(log, 'own'))
        .build();
      void [container.services.given, container.services.own];
    }

    expect(log).toEqual(['own disposed']);
  });

  it("refuses a request's context among the services", async () => {
    const context = Context.background.withCancel();
    const { services } = defineServices()
      .value('handed', context)
      .add('made', () => context)
      .add('late', async () => context)
      .build();

    expect(() => services.handed).toThrow(
      "services.handed must be made for the whole process; a request's context is none",
    );
    expect(() => services.made).toThrow("a request's context is none");
    await expect(services.late).rejects.toThrow("a request's context is none");
  });

  it('takes no signal for a context', async () => {
    const container = defineServices().build();
    const { signal } = new AbortController();

    await expect(container.start(signal as never)).rejects.toThrow('services.start needs a Context');
    await expect(container.dispose(signal as never)).rejects.toThrow('services.dispose needs a Context');
    await container.dispose();
  });

  it('a definition can be used twice', () => {
    const base = defineServices().value('name', 'shop');
    const test = base.add('pool', () => 'fake').build();
    const real = base.add('pool', () => 'real').build();

    expect([test.services.pool, real.services.pool, real.services.name]).toEqual(['fake', 'real', 'shop']);
  });
});
