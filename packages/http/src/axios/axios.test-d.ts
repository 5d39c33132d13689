/**
 * What the types promise: axios and its instances fit, and their answers are as theirs.
 *
 * @module
 */

import { Context } from '@holdfast/core';
import axios, { type AxiosResponse } from 'axios';
import { expectTypeOf } from 'vitest';

import { type AxiosAnswer, createAxiosRequest } from './axios.ts';

const context = Context.background;

// axios and its instances fit, and their answers are as theirs
for (const client of [axios, axios.create({ baseURL: 'http://a' })]) {
  const request = createAxiosRequest(client);
  expectTypeOf(request<string>(context, { url: '/' })).resolves.toEqualTypeOf<AxiosAnswer<string>>();
  expectTypeOf<AxiosResponse<string>>().toExtend<AxiosAnswer<string>>();
  void request(context, { url: '/', method: 'post', data: () => 'text', params: { a: 1 }, idempotent: true });
  // @ts-expect-error -- the context is bound to be told
  void request({ url: '/' });
}
