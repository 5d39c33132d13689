import { requestId } from '@holdfast/context';
import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { createHttpCodec, httpCodecDefaults } from './codec.ts';

describe('createHttpCodec', () => {
  it('carries the time that is left, not an instant', () => {
    const codec = createHttpCodec();
    const context = Context.withClock(virtualClock()).withTimeout(1500);

    expect(codec.inject(context, {})).toEqual({ 'x-request-timeout': '1500ms' });
  });

  it('gives a request that has no id one, and leaves the ids of others alone', () => {
    const codec = createHttpCodec();

    expect(codec.extract({}).value(requestId)).toMatch(/^[\da-f-]{16,}$/);
    expect(codec.extract({ 'x-request-id': 'abc123' }).value(requestId)).toBe('abc123');
  });

  it('takes every option of the codec beneath but the transit', () => {
    expect(createHttpCodec({ requestId: 'continue' }).extract({}).value(requestId)).toBeUndefined();
    expect(httpCodecDefaults).not.toHaveProperty('transit');
    expect(() => createHttpCodec({ prefix: 'X' })).toThrow('codec.prefix');
    expect(() => createHttpCodec({ transit: 'sideways' } as never)).toThrow('codec.transit');
  });
});
