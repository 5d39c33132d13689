import { Context, type Policy, retry, timeout } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { type Exchange, type HttpCallParts, type RequestFacts, runHttpCall } from './http-call.ts';
import { NotEnoughTimeError, RequestNotRepeatableError } from './http-client-error.ts';
import { httpHedge, httpRetry } from './http-policies.ts';

interface Answer {
  readonly status: number;
}

const get: RequestFacts = {
  method: 'GET',
  origin: 'http://a',
  url: 'http://a/',
  isIdempotent: true,
  hasOneShotBody: false,
};
const post: RequestFacts = { ...get, method: 'POST', isIdempotent: false };
const coded = (code: string): Error => Object.assign(new Error(code), { code });
const hang = (): Promise<never> => new Promise(() => {});

/** A client whose requests the test answers, and that notes what is thrown away. */
function clientOf(parts: Partial<HttpCallParts<Answer>>) {
  const sent: Exchange[] = [];
  const discarded: Answer[] = [];
  const aborted: unknown[] = [];
  const call = runHttpCall<Answer>({
    context: Context.background,
    request: get,
    policy: undefined,
    minTimeLeftMs: 0,
    discard: (answer) => discarded.push(answer),
    ...parts,
    send: (exchange) => {
      sent.push(exchange);
      exchange.tie.onAbort((cause) => aborted.push(cause));
      return parts.send?.(exchange) ?? hang();
    },
  });
  return { call, sent, discarded, aborted };
}

/** Answers requests one after the other. */
const inTurn = (...answers: readonly (Answer | Error | Promise<Answer>)[]): (() => Promise<Answer>) => {
  let turn = 0;
  return async () => {
    const answer = await answers[turn++];
    if (answer instanceof Error) throw answer;
    return answer ?? hang();
  };
};

describe('a call', () => {
  it('(1): ties a request to its try, and the body of its answer to the caller', async () => {
    const clock = virtualClock();
    const context = Context.withClock(clock).withCancel();
    const policy = timeout({ timeoutMs: 100, clock });
    const { call, aborted } = clientOf({ context, policy, send: inTurn({ status: 200 }) });
    await call;

    await clock.advance(1000);
    expect(aborted).toEqual([]);

    context.cancel('left');
    expect(aborted).toEqual(['left']);
  });

  it('(1): aborts a request with its try', async () => {
    const clock = virtualClock();
    const { call, aborted } = clientOf({
      context: Context.withClock(clock),
      policy: timeout({ timeoutMs: 100, clock }),
    });
    const ended = call.catch((error: unknown) => error);

    await clock.advance(100);

    expect(aborted).toEqual([await ended]);
  });

  it('(2): throws away every answer but the one that it settles with', async () => {
    const answers = [{ status: 503 }, { status: 502 }, { status: 500 }] as const;
    const policy = httpRetry({ baseDelayMs: 0, maxDelayMs: 0 });
    const { call, discarded, aborted } = clientOf({ policy, send: inTurn(...answers) });

    expect(await call).toBe(answers[2]);
    expect([discarded, aborted]).toEqual([[answers[0], answers[1]], []]);
  });

  it('(2): throws an answer away before the next try starts, so that its connection is free for that', async () => {
    const before: number[] = [];
    const discarded: Answer[] = [];
    const policy = httpRetry({ baseDelayMs: 0, maxDelayMs: 0 });
    const send = async (): Promise<Answer> => {
      before.push(discarded.length);
      return { status: 503 };
    };
    const { call } = clientOf({ policy, send, discard: (answer) => discarded.push(answer) });
    await call;

    expect(before).toEqual([0, 1, 2]);
  });

  it('(2): keeps the answer of a copy until it is known who wins', async () => {
    const answers = [
      { status: 503 },
      new Promise<Answer>((_resolve, reject) => setTimeout(reject, 5, coded('X'))),
    ] as const;
    const lone: Policy = {
      execute: async (operation, context = Context.background) => {
        const [first] = await Promise.allSettled([operation(context), operation(context)]);
        if (first.status === 'rejected') throw first.reason;
        return first.value;
      },
    };
    const { call, discarded } = clientOf({ policy: lone, send: inTurn(...answers) });

    expect(await call).toBe(answers[0]);
    expect(discarded).toEqual([]);
  });

  it('(2): throws away an answer that comes later, and aborts what is under way', async () => {
    let answerLate!: (answer: Answer) => void;
    const late = new Promise<Answer>((resolve) => (answerLate = resolve));
    const hasty: Policy = {
      execute: async (operation, context = Context.background) => {
        void Promise.resolve(operation(context)).catch(() => {});
        throw new Error('enough');
      },
    };
    const { call, discarded, aborted } = clientOf({ policy: hasty, send: () => late });
    await expect(call).rejects.toThrow('enough');
    expect(aborted).toHaveLength(1);

    answerLate({ status: 200 });
    await new Promise(setImmediate);

    expect(discarded).toEqual([{ status: 200 }]);
  });

  it('(2): throws away the answer in an error that is retried, and not in the last', async () => {
    const errors = [1, 2].map((status) => Object.assign(new Error('5xx'), { response: { status: 501 + status } }));
    const policy = httpRetry({ baseDelayMs: 0, maxDelayMs: 0, maxAttempts: 2 });
    const responseIn = (error: unknown): Answer => (error as { response: Answer }).response;
    const { call, discarded } = clientOf({ policy, send: inTurn(...errors), responseIn });

    await expect(call).rejects.toBe(errors[1]);
    expect(discarded).toEqual([errors[0]?.response]);
  });

  it.each([
    ['that may have been done', post, coded('ECONNRESET'), 'method'],
    ['that was answered', post, { status: 503 }, 'method'],
    ['whose body is spent', { ...get, hasOneShotBody: true }, coded('ECONNREFUSED'), 'body'],
  ] as const)('(3), charter H1, H3: sends no request again %s', async (_name, request, first, reason) => {
    const policy = retry({
      baseDelayMs: 0,
      maxDelayMs: 0,
      classify: () => 'failure',
      isRetryable: () => true,
      maxAttempts: 2,
    });
    const { call, sent } = clientOf({ request, policy, send: inTurn(first, { status: 200 }) });
    const error: unknown = await call.catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(RequestNotRepeatableError);
    expect(error).toMatchObject({ reason, ...(first instanceof Error && { cause: first }) });
    expect(sent).toHaveLength(1);
  });

  it('(3): sends a request again that surely was not sent, but not where another has taken it since', async () => {
    const policy = httpRetry({ baseDelayMs: 0, maxDelayMs: 0, maxAttempts: 2 });
    const refused = coded('ECONNREFUSED');
    const { call, sent } = clientOf({ request: post, policy, send: inTurn(refused, { status: 200 }) });
    expect(await call).toEqual({ status: 200 });
    expect(sent).toHaveLength(2);

    const redirected = clientOf({
      request: post,
      policy,
      send: async (exchange) => {
        exchange.hasArrived();
        throw refused;
      },
    });
    await expect(redirected.call).rejects.toBe(refused);
    expect(redirected.sent).toHaveLength(1);
  });

  it('(3): has no copy of a request beside one that runs', async () => {
    const clock = virtualClock();
    const { call, sent } = clientOf({ request: post, policy: httpHedge({ delayMs: 5, clock }), send: hang });
    void call;

    await clock.advance(100);

    expect(sent).toHaveLength(1);
  });

  it('(4): sends nothing where there is no time', async () => {
    const clock = virtualClock();
    const ended = Context.withClock(clock).withCancel();
    ended.cancel(new Error('over'));

    const first = clientOf({ context: ended });
    await expect(first.call).rejects.toThrow('over');
    const second = clientOf({ context: Context.withClock(clock).withTimeout(9), minTimeLeftMs: 10 });
    await expect(second.call).rejects.toMatchObject({ code: 'NOT_ENOUGH_TIME', remainingMs: 9, minTimeLeftMs: 10 });
    await expect(second.call).rejects.toBeInstanceOf(NotEnoughTimeError);
    expect([...first.sent, ...second.sent]).toEqual([]);
    const third = clientOf({
      context: Context.withClock(clock).withTimeout(10),
      minTimeLeftMs: 10,
      send: inTurn({ status: 200 }),
    });
    await expect(third.call).resolves.toEqual({ status: 200 });
  });

  it('(5): fails with the cause of its context, whatever the client makes of it', async () => {
    const context = Context.background.withCancel();
    const cause = new Error('left');
    const send = ({ tie }: Exchange): Promise<Answer> =>
      new Promise((_resolve, reject) => tie.onAbort(() => reject(new Error('canceled'))));
    const policy: Policy = { execute: async (operation, own) => operation(own as Context) }; // heeds no context
    const { call } = clientOf({ context, policy, send });

    context.cancel(cause);

    await expect(call).rejects.toBe(cause);
  });
});
