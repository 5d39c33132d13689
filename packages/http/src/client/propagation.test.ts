import { Context, onHookError } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { type PropagationOptions, createPropagation } from './propagation.ts';

const here = { origin: 'http://a', calledOrigin: 'http://a' };
const elsewhere = { origin: 'http://b', calledOrigin: 'http://a' };
const told = (options: PropagationOptions): readonly boolean[] =>
  [here, elsewhere].map((hop) => {
    const headers = createPropagation('test', options).inject(Context.background.withTimeout(1000), {}, hop);
    return 'x-request-timeout' in headers;
  });

describe('propagation', () => {
  it('(1): tells the origin that was called, and no other', () => {
    expect(told({})).toEqual([true, false]);
  });

  it('(1): tells those that are named, and no other', () => {
    expect(told({ propagateTo: ['http://b'] })).toEqual([false, true]);
    expect(told({ propagateTo: ['http://b:80', 'http://a/'] })).toEqual([true, true]);
    expect(told({ propagateTo: [] })).toEqual([false, false]);
    expect(told({ propagateTo: (origin) => origin.endsWith('b') })).toEqual([false, true]);
  });

  it('(1): tells nobody where the function fails', () => {
    const reports: unknown[] = [];
    const before = onHookError((error) => reports.push(error));
    const propagateTo = (): boolean => {
      throw new Error('broken');
    };

    expect(told({ propagateTo })).toEqual([false, false]);
    expect(reports).toHaveLength(2);
    onHookError(before);
  });

  it.each([['http://a/path'], ['a'], ['mailto:a'], [5], ['http://a?b']])('refuses %s as an origin', (origin) => {
    expect(() => createPropagation('test', { propagateTo: [origin as string] })).toThrow(/test\.propagateTo must be/);
  });

  it('refuses what is no list, and what is no codec', () => {
    expect(() => createPropagation('test', { propagateTo: 'http://a' as never })).toThrow(/test\.propagateTo/);
    expect(() => createPropagation('test', { codec: {} as never })).toThrow(/test\.codec/);
  });
});
