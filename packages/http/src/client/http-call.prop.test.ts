import { Context, type Policy, type RetryOptions, hedge, pipeline, retry, timeout } from '@holdfast/core';
import { seededRandom, virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { type Exchange, runHttpCall } from './http-call.ts';
import { httpHedge, httpRetry } from './http-policies.ts';

/** Cases of the property; the long run sets more. */
const numRuns = Number(process.env['HOLDFAST_FUZZ_RUNS'] ?? 1000);

interface Answer {
  readonly status: number;
}

/** How one request goes: what it comes to, when, and whether the client heeds its signal. */
const requestPlan = fc.record({
  afterMs: fc.integer({ min: 0, max: 60 }),
  outcome: fc.constantFrom(200, 503, 404, 'ECONNRESET', 'ECONNREFUSED', 'never'),
  isHeedless: fc.boolean(),
});

type RequestPlan = typeof requestPlan extends fc.Arbitrary<infer P> ? P : never;
const immediate: RequestPlan = { afterMs: 0, outcome: 200, isHeedless: false };

const callPlan = fc.record({
  requests: fc.array(requestPlan, { minLength: 1, maxLength: 8 }),
  policy: fc.constantFrom('none', 'retry', 'hedge', 'all', 'careless'),
  isIdempotent: fc.boolean(),
  deadlineMs: fc.constantFrom(Infinity, 25, 100),
});

it('(1), (2), (3): every answer is the caller’s or thrown away, once, and nothing goes on', async () => {
  await fc.assert(
    fc.asyncProperty(callPlan, async ({ requests, policy, isIdempotent, deadlineMs }) => {
      const clock = virtualClock();
      const ports = { clock, random: seededRandom(1) };
      const quick = { ...ports, baseDelayMs: 3, maxRetryRatio: Infinity };
      const careless: RetryOptions = { ...quick, classify: () => 'failure', isRetryable: () => true };
      const policies: Readonly<Record<string, Policy<unknown> | undefined>> = {
        none: undefined,
        retry: httpRetry(quick),
        hedge: httpHedge({ ...ports, delayMs: 10, maxHedgeRatio: 1 }),
        all: pipeline(
          httpRetry(quick),
          httpHedge({ ...ports, delayMs: 10, maxHedgeRatio: 1 }),
          timeout({ ...ports, timeoutMs: 40 }),
        ),
        careless: pipeline(retry(careless), hedge({ ...ports, delayMs: 5, maxAttempts: 3, maxHedgeRatio: 1 })),
      };
      const context = Context.withClock(clock).withTimeout(deadlineMs).withCancel();
      const exchanges: Exchange[] = [];
      const produced: Answer[] = [];
      const discarded: Answer[] = [];
      let received = 0;

      const planOf = (index: number): RequestPlan => requests[index % requests.length] ?? immediate;
      const send = ({ tie }: Exchange): Promise<Answer> => {
        const { afterMs, outcome, isHeedless } = planOf(exchanges.length - 1);
        return new Promise((resolve, reject) => {
          if (!isHeedless) tie.onAbort(reject);
          clock.setTimer(() => {
            if (tie.isOver && !isHeedless) return;
            if (outcome !== 'ECONNREFUSED') received++;
            if (outcome === 'never') return;
            if (typeof outcome === 'string') reject(Object.assign(new Error(outcome), { code: outcome }));
            else {
              const answer = { status: outcome };
              produced.push(answer);
              resolve(answer);
            }
          }, afterMs);
        });
      };
      const calling = runHttpCall<Answer>({
        context,
        request: { method: 'X', origin: 'http://a', url: 'http://a/', isIdempotent, hasOneShotBody: false },
        policy: policies[policy],
        minTimeLeftMs: 0,
        discard: (answer) => discarded.push(answer),
        send: (exchange) => {
          exchanges.push(exchange);
          return send(exchange);
        },
      });
      let kept: Answer | undefined;
      const settled = calling.then(
        (answer) => (kept = answer),
        () => undefined,
      );
      await clock.advance(5000);
      context.cancel();
      await clock.advance(5000);
      await settled;

      expect([...discarded, ...(kept === undefined ? [] : [kept])].toSorted(byOrderIn(produced))).toEqual(produced); // (2)
      expect(new Set(discarded).size).toBe(discarded.length);
      expect(exchanges.every(({ tie }) => tie.isOver)).toBe(true); // (1)
      expect(clock.pendingCount).toBe(0);
      if (!isIdempotent) expect(received).toBeLessThanOrEqual(1); // (3)
    }),
    { numRuns },
  );
}, 120_000);

function byOrderIn(all: readonly unknown[]): (a: unknown, b: unknown) => number {
  return (a, b) => all.indexOf(a) - all.indexOf(b);
}
