/**
 * What the types promise: the dispatchers of undici fit, and their answers come back.
 *
 * @module
 */

import { ambient } from '@holdfast/context';
import { Context } from '@holdfast/core';
import { Agent, Client, type Dispatcher, Pool, RetryAgent, interceptors } from 'undici';
import { expectTypeOf } from 'vitest';

import { contextInterceptor, createRequest, underContext } from './undici.ts';

const context = Context.background;

// the dispatchers of undici fit, and their answers come back
for (const dispatcher of [new Agent(), new Pool('http://a'), new Client('http://a'), new RetryAgent(new Agent())]) {
  const request = createRequest(dispatcher, { interceptors: [interceptors.redirect()] });
  expectTypeOf(request(context, 'http://a')).resolves.toEqualTypeOf<Dispatcher.ResponseData<unknown>>();
  void request(context, new URL('http://a'), {
    method: 'POST',
    body: () => 'text',
    headersTimeout: 5,
    idempotent: true,
  });
  // @ts-expect-error -- where it goes is said by the URL
  void request(context, 'http://a', { path: '/' });
}

// the interceptor composes with those of undici
const agent = new Agent();
const current = (): Context | undefined => ambient.current();
expectTypeOf(agent.compose(contextInterceptor({ current }), interceptors.retry())).toExtend<Dispatcher>();

const options = underContext(context, { origin: 'http://a', path: '/', method: 'GET' } as const);
expectTypeOf(agent.request(options)).resolves.toHaveProperty('statusCode');
