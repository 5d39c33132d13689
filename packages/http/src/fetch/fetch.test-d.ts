/**
 * What the types promise: a fetch under a context takes what fetch takes, and gives what fetch gives.
 *
 * @module
 */

import { Context, retry } from '@holdfast/core';
import { expectTypeOf } from 'vitest';

import { httpPolicies } from '../client/http-policies.ts';
import { type ContextFetch, createFetch } from './fetch.ts';

// a fetch under a context takes what fetch takes, and gives what fetch gives
const send = createFetch({ policy: httpPolicies(), fetch: globalThis.fetch });
expectTypeOf(send).toEqualTypeOf<ContextFetch>();
expectTypeOf(send(Context.background, 'http://a')).resolves.toEqualTypeOf<Response>();
void createFetch({ policy: retry() })(Context.background, new Request('http://a'), {
  method: 'PUT',
  body: () => new ReadableStream(),
  headers: [['a', 'b']],
  idempotent: true,
});
// @ts-expect-error -- the context comes first
void send('http://a');
