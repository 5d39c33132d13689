import { Context, contextKey } from '@holdfast/core';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';

import { fakeExchange } from '../../../../test/http/fake-exchange.ts';
import { createRequestContexts } from './request-contexts.ts';
import { contextOf, extendContext, hasContext } from './request-store.ts';

const user = contextKey<string>('user');

describe('the store of requests', () => {
  it('tells the context of a request, and of what a framework has made of it', () => {
    const { request, response } = fakeExchange();
    const { context } = createRequestContexts().begin(request, response);

    for (const each of [request, { raw: request }, { req: request }]) expect(contextOf(each)).toBe(context);
  });

  it.each([{}, { raw: 1 }, { raw: null }, { raw: {} }, [], undefined, null, 'request'])(
    'has nothing for %j',
    (request) => {
      expect(hasContext(request)).toBe(false);
      expect(() => contextOf(request as object)).toThrow(expect.objectContaining({ code: 'MISSING_REQUEST_CONTEXT' }));
    },
  );

  it('(1) keeps neither requests nor contexts alive', async () => {
    const requests = createRequestContexts();
    const held = ((): WeakRef<object>[] => {
      const { request, response } = fakeExchange();
      const { context } = requests.begin(request, response);
      response.end();
      response.close();
      return [new WeakRef(request), new WeakRef(context)];
    })();
    setFlagsFromString('--expose-gc');
    await new Promise(setImmediate);
    (runInNewContext('gc') as () => void)();

    expect(held.map((each) => each.deref())).toEqual([undefined, undefined]);
  });

  it('adds values for whoever comes after, and changes nothing for whoever came before', () => {
    const { request, response } = fakeExchange();
    const life = createRequestContexts().begin(request, response);
    const before = contextOf(request);
    const after = extendContext(request, (context) => context.withValue(user, 'ada'));

    expect([contextOf(request), life.context]).toEqual([after, after]);
    expect([before.value(user), after.value(user)]).toEqual([undefined, 'ada']);
  });

  it('(2) replaces a context by one that has its end, only', () => {
    const requests = createRequestContexts();
    const [one, other] = [fakeExchange(), fakeExchange()];
    for (const { request, response } of [one, other]) requests.begin(request, response);
    const bad: ((context: Context) => unknown)[] = [
      (context) => context.withoutCancel(),
      () => Context.background,
      () => contextOf(other.request),
      () => undefined,
      async (context) => context,
    ];

    for (const derive of bad) expect(() => extendContext(one.request, derive as never)).toThrow(TypeError);
    expect(extendContext(one.request, (context) => context.withTimeout(10)).remainingMs()).toBeLessThanOrEqual(10);
  });
});
