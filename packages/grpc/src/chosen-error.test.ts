import { onHookError } from '@holdfast/core';
import { afterEach, describe, expect, it } from 'vitest';

import { chosenErrorOf } from './chosen-error.ts';
import { grpcError } from './grpc-error.ts';

const error = new Error('away');
const answer = grpcError('UNAVAILABLE', 'no database');
const hooks: string[] = [];

onHookError(({ hook }) => hooks.push(hook));
afterEach(() => hooks.splice(0));

describe('the chosen error', () => {
  it('is what errors says, told the error and the path', () => {
    const asked: unknown[] = [];
    const errors = (...told: unknown[]): typeof answer => (asked.push(told), answer);

    expect(chosenErrorOf(errors, error, '/shop.Shop/Get')).toBe(answer);
    expect(asked).toEqual([[error, '/shop.Shop/Get']]);
  });

  it('is the error itself where nothing is said of it', () => {
    expect([chosenErrorOf(undefined, error, '/a'), chosenErrorOf(() => undefined, error, '/a')]).toEqual([
      error,
      error,
    ]);
    expect(hooks).toEqual([]);
  });

  it.each<[what: string, errors: () => unknown]>([
    ['a throw', () => { throw new Error('hook'); }], // prettier-ignore
    ['a text', () => 'UNAVAILABLE'],
    ['null', () => null],
    ['a promise that rejects', () => Promise.reject(new Error('hook'))],
  ])('(1) is the error itself after %s, which is reported', (_what, wrong) => {
    expect(chosenErrorOf(wrong as never, error, '/a')).toBe(error);
    expect(hooks).toEqual(['errors']);
  });
});
