import { Context, createRegistry, describe as describePolicy, hedge, noop } from '@holdfast/core';
import { shownPolicies } from '@holdfast/core/metrics';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { breakerPerOrigin, httpHedge, httpPolicies, httpRetry, onlyRepeatable } from './http-policies.ts';
import { type HttpRequest, httpOriginOf, httpRequestOf, withHttpRequest } from './http-request.ts';

const request = (origin: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  origin,
  url: `${origin}/`,
  isIdempotent: true,
  hasOneShotBody: false,
  mayBeSent: true,
  ...more,
});
const to = (origin: string, more?: Partial<HttpRequest>): Context =>
  withHttpRequest(Context.background, request(origin, more));

describe('the policies of a client', () => {
  it('have their counts shown by metrics, also a hedge, where a registry has made them', async () => {
    const registry = createRegistry({ clock: virtualClock() });
    const policy = registry.create(httpPolicies, { name: 'orders', hedge: { delayMs: 50 } });
    await policy.execute(() => 1, to('http://a'));

    const counts = new Map(
      shownPolicies(registry).map((each) => [
        `${each.kind}/${each.name}`,
        (each as { snapshot?(): { calls?: number } }).snapshot?.().calls,
      ]),
    );
    expect([...counts.keys()]).toEqual([
      'pipeline/orders',
      'retry/orders-retry',
      'hedge/orders-hedge',
      'keyed/orders',
      'timeout/orders-try',
    ]);
    expect(counts.get('hedge/orders-hedge')).toBe(1);
  });

  it('are a retry around a circuit per origin around a limit per try', () => {
    const tree = describePolicy(httpPolicies({ name: 'orders' }));
    const names = JSON.stringify(tree).match(/"kind":"[a-z-]+","name":"[^"]+"/g);

    expect(names).toEqual(expect.arrayContaining(['"kind":"retry","name":"orders-retry"']));
    expect(httpPolicies().policies.map((each) => (each as { kind?: string }).kind)).toEqual([
      'retry',
      'keyed',
      'timeout',
    ]);
    expect(httpPolicies({ hedge: { delayMs: 50 } }).policies.map((each) => (each as { kind?: string }).kind)).toEqual([
      'retry',
      'hedge',
      'keyed',
      'timeout',
    ]);
    expect(httpPolicies({ retry: false, breaker: false }).policies).toHaveLength(1);
  });

  it('refuse options that they cannot have', () => {
    expect(() => httpPolicies({ tryTimeoutMs: 0.5, retry: { maxAttempts: 0 } })).toThrow(/retry\.maxAttempts/);
    expect(() => httpPolicies({ retries: 3 } as never)).toThrow(/no option "retries"/);
    expect(() => breakerPerOrigin({ failureRatio: 2 })).toThrow(/failureRatio/);
  });

  it('repeat a 503, and give the last one', async () => {
    let count = 0;
    const answer = { status: 503 };
    const policy = httpRetry({ baseDelayMs: 0, maxDelayMs: 0 });

    expect(
      await policy.execute(() => {
        count++;
        return answer;
      }, to('http://a')),
    ).toBe(answer);
    expect(count).toBe(3);
  });

  it('open one circuit per origin', async () => {
    const breaker = breakerPerOrigin({ minimumCalls: 1, maxKeys: 2 });
    await breaker.execute(() => ({ status: 500 }), to('http://a'));
    await breaker.execute(() => ({ status: 200 }), to('http://b'));

    expect([breaker.get('http://a')?.state, breaker.get('http://b')?.state]).toEqual(['open', 'closed']);
    await expect(breaker.execute(() => 1, to('http://a'))).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' });
  });

  it.each([
    ['may be sent twice', {}, 2],
    ['may be done once', { isIdempotent: false }, 1],
    ['has a body that is spent', { hasOneShotBody: true }, 1],
  ])('hedge a request that %s', async (_name, more, expected) => {
    const clock = virtualClock();
    let count = 0;
    const hedged = httpHedge({ delayMs: 5, clock });
    void hedged.execute(
      () => {
        count++;
        return new Promise(() => {});
      },
      to('http://a', more),
    );

    await clock.advance(100);

    expect(count).toBe(expected);
  });

  it('hedge nothing that is no request', async () => {
    const clock = virtualClock();
    let count = 0;
    const operation = (): Promise<never> => {
      count++;
      return new Promise(() => {});
    };
    void onlyRepeatable(hedge({ delayMs: 5, clock })).execute(operation, Context.background);

    await clock.advance(100);

    expect(count).toBe(1);
  });
});

describe('the request in a context', () => {
  it('is that of the call', () => {
    const own = request('http://a');

    expect(httpRequestOf(withHttpRequest(Context.background, own))).toBe(own);
    expect(httpOriginOf(to('http://a'))).toBe('http://a');
    expect(httpRequestOf(Context.background)).toBeUndefined();
    expect(() => httpOriginOf(Context.background)).toThrow(TypeError);
    expect(onlyRepeatable(noop({ name: 'n' })).name).toBe('n');
    expect(describePolicy(httpHedge(50))).toMatchObject({ kind: 'hedge', isOpaque: false });
  });
});
