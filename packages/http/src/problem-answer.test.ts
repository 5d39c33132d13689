import { type HookError, CircuitOpenError, Context, onHookError } from '@holdfast/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ProblemsOf } from './problem-answer.ts';
import { problemOf } from './problem.ts';
import { createRequestContexts } from './server/request-contexts.ts';
import { ClientGoneError, ServerDrainingError } from './server/request-error.ts';

class SoldOutError extends Error {}

const soldOut = { code: 'SOLD_OUT', status: 409, title: 'It is sold out', type: 'https://shop.example/sold-out' };
const problems: ProblemsOf = (error) => (error instanceof SoldOutError ? soldOut : undefined);

describe('problems', () => {
  let reported: HookError[] = [];

  beforeEach(() => {
    reported = [];
    onHookError((error) => reported.push(error));
  });

  afterEach(() => {
    onHookError(undefined);
  });

  it('says what an error of your own is answered with', () => {
    const problem = problemOf(new SoldOutError('secret'), undefined, { problems, retryAfterMs: 1000 });

    expect(problem).toMatchObject({ status: 409, code: 'SOLD_OUT' });
    expect(JSON.parse(problem?.body ?? '')).toEqual({
      type: 'https://shop.example/sold-out',
      title: 'It is sold out',
      status: 409,
    });
    expect(problem?.headers).toMatchObject({ 'content-type': 'application/problem+json' });
    expect(problem?.headers['retry-after']).toBeUndefined();
  });

  it('leaves all others to the table and the framework', () => {
    expect(problemOf(new CircuitOpenError('prices', 'open', 1), undefined, { problems })?.code).toBe('CIRCUIT_OPEN');
    expect(problemOf(new Error('bug'), undefined, { problems })).toBeUndefined();
  });

  it('takes the words of a row, or its own in their place, and a time', () => {
    const of = (answer: ReturnType<ProblemsOf>) =>
      problemOf(new Error('x'), undefined, { problems: () => answer, retryAfterMs: 1000, statuses: { REJECTED: 429 } });

    expect(of({ code: 'REJECTED' })).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    expect(of({ code: 'REJECTED', status: 420, detail: 'Calm down' })?.body).toContain(
      '"status":420,"detail":"Calm down"',
    );
    expect(of({ ...soldOut, retryAfterMs: 2001 })?.headers['retry-after']).toBe('3');
    expect(of({ code: 'REJECTED', retryAfterMs: Infinity })?.headers['retry-after']).toBeUndefined();
    expect(of({ code: 'OTHER', status: 400, title: 'No' })?.body).toContain('"type":"about:blank"');
  });

  it('is above the table for errors of policies, and below the end of a request or a server', () => {
    const gone = Context.background.withCancel();
    gone.cancel(new ClientGoneError('http'));
    const rules = { problems: () => soldOut };

    expect(problemOf(new CircuitOpenError('prices', 'open', 1), undefined, rules)?.code).toBe('SOLD_OUT');
    expect(problemOf(new SoldOutError(), gone, rules)?.code).toBe('CLIENT_GONE');
    expect(problemOf(new ServerDrainingError('http', 1), undefined, rules)?.code).toBe('SERVER_DRAINING');
  });

  it.each<[string, () => unknown]>([
    [
      'a throw',
      () => {
        throw new Error('of the hook');
      },
    ],
    ['a promise', () => Promise.reject(new Error('of the hook'))],
    ['a code alone that is in no table', () => ({ code: 'OWN' })],
    ['a status of no error', () => ({ ...soldOut, status: 200 })],
    ['no title', () => ({ ...soldOut, title: '' })],
    ['a time that is none', () => ({ ...soldOut, retryAfterMs: -1 })],
    ['a type that is no text', () => ({ ...soldOut, type: 7 })],
    ['a text', () => 'SOLD_OUT'],
    ['null', () => null],
  ])('(1) reports %s, and the table decides', (_case, hook) => {
    const rules = { problems: hook as ProblemsOf, name: 'shop' };

    expect(problemOf(new CircuitOpenError('prices', 'open', 1), undefined, rules)?.code).toBe('CIRCUIT_OPEN');
    expect(problemOf(new Error('bug'), undefined, rules)).toBeUndefined();
    expect(reported.map(({ hook: name, policy }) => [name, policy])).toEqual([
      ['problems', 'shop'],
      ['problems', 'shop'],
    ]);
  });

  it('is an option of requests, and must be a function', () => {
    expect(createRequestContexts({ problems }).problemOf(new SoldOutError())?.status).toBe(409);
    expect(() => createRequestContexts({ problems: {} as never })).toThrow('requests.problems');
  });
});
