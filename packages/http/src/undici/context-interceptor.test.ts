import { Context, onHookError } from '@holdfast/core';
import { describe, expect, it, vi } from 'vitest';

import { contextInterceptor, underContext } from './context-interceptor.ts';
import type { UndiciDispatch, UndiciHandler, UndiciOptions } from './undici-client.ts';

const options = { origin: 'http://a', path: '/', method: 'GET' };

/** A dispatcher that notes what it got, and does nothing. */
function dispatcher() {
  const got: { request: UndiciOptions; handler: UndiciHandler }[] = [];
  const dispatch: UndiciDispatch = (request: UndiciOptions, handler: UndiciHandler) => {
    got.push({ request, handler });
    return true;
  };
  return { got, dispatch };
}

const errorsOf = (): { errors: unknown[]; handler: UndiciHandler } => {
  const errors: unknown[] = [];
  return { errors, handler: { onResponseError: (_controller, error) => errors.push(error) } };
};

describe('the context interceptor', () => {
  it('lets a request through as it is where there is no context of the moment, or that cannot be told', () => {
    const { got, dispatch } = dispatcher();
    const told: unknown[] = [];
    onHookError(({ hook }) => told.push(hook));
    const boom = (): never => {
      throw new Error('boom');
    };
    for (const current of [() => undefined, boom]) contextInterceptor({ current })(dispatch)(options, {});
    onHookError(undefined);

    expect(got.map(({ request }) => request)).toEqual([options, options]);
    expect(told).toEqual(['current']);
  });

  it('(1), (2): fails with the cause, once, where the context has ended or ends', () => {
    const { got, dispatch } = dispatcher();
    const intercept = contextInterceptor()(dispatch);
    const { errors, handler } = errorsOf();
    const context = Context.background.withCancel();
    intercept(underContext(context, options), handler);
    const cause = new Error('left');
    context.cancel(cause);
    expect([got.length, errors]).toEqual([1, [cause]]);

    intercept(underContext(context, options), handler);
    expect([got.length, errors]).toEqual([1, [cause, cause]]);

    intercept(underContext(Context.background.withTimeout(0), options), handler);
    expect([got.length, errors.length]).toEqual([1, 3]);
  });

  it('(2): fails where too little time is left', () => {
    const { got, dispatch } = dispatcher();
    const { errors, handler } = errorsOf();

    contextInterceptor({ minTimeLeftMs: 60_000 })(dispatch)(
      underContext(Context.background.withTimeout(999), options),
      handler,
    );

    expect([got, errors]).toMatchObject([[], [{ code: 'NOT_ENOUGH_TIME' }]]);
  });

  it('(3): makes no signal, and listens no longer than the request lasts', () => {
    const { got, dispatch } = dispatcher();
    const context = Context.background.withCancel();
    const signal = vi.spyOn(context, 'signal', 'get');
    const onCancel = context.onCancel.bind(context);
    let listening = 0;
    vi.spyOn(context, 'onCancel').mockImplementation((listener) => {
      listening++;
      const unhook = onCancel(listener);
      return () => {
        listening--;
        return unhook();
      };
    });
    contextInterceptor()(dispatch)(underContext(context, options), {});
    expect(listening).toBe(1);

    got[0]?.handler.onResponseEnd?.({} as never, {});

    expect(signal).not.toHaveBeenCalled();
    expect(listening).toBe(0);
  });

  it('lets through what has no context', () => {
    const { got, dispatch } = dispatcher();
    const handler = {};

    contextInterceptor()(dispatch)(options, handler);
    contextInterceptor({ current: () => undefined })(dispatch)(options, handler);

    expect(got.map((each) => [each.request === options, each.handler === handler])).toEqual([
      [true, true],
      [true, true],
    ]);
  });

  it('takes the context of the moment, and a given one before it', () => {
    const { got, dispatch } = dispatcher();
    const moment = Context.background.withTimeout(1000);
    const given = Context.background.withTimeout(60_000);
    const intercept = contextInterceptor({ current: () => moment })(dispatch);

    intercept(options, {});
    intercept(underContext(given, options), {});

    const told = got.map(({ request }) =>
      Number.parseInt((request.headers as Record<string, string>)['x-request-timeout'] ?? '', 10),
    );
    expect(told[0]).toBeLessThanOrEqual(1000);
    expect(told[1]).toBeGreaterThan(1000);
  });

  it('goes through copies of the options, and changes none', () => {
    const { got, dispatch } = dispatcher();
    const headers = { 'X-Own': '1' };
    const under = underContext(Context.background.withTimeout(1000), { ...options, headers });

    contextInterceptor()(dispatch)({ ...under, path: '/copy' }, {});

    expect(got[0]?.request).toMatchObject({ path: '/copy', headers: { 'X-Own': '1' } });
    expect(Object.keys(headers)).toEqual(['X-Own']);
    expect(Object.keys(got[0]?.request.headers as object)).toContain('x-request-timeout');
  });

  it('refuses misuse', () => {
    expect(() => underContext({} as never, options)).toThrow(TypeError);
    expect(() => contextInterceptor({ current: 5 as never })).toThrow(/contextInterceptor\.current/);
    expect(() => contextInterceptor({ minTimeLeftMs: -1 })).toThrow(/contextInterceptor\.minTimeLeftMs/);
    expect(contextInterceptor()(() => true)).toHaveLength(2);
  });
});
