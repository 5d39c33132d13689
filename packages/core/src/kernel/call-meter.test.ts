import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { fallback } from '../policies/fallback/fallback.ts';
import { retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { after, never, observe } from '../testing/operation-table.ts';
import { settle, virtualClock } from '../testing/virtual-clock.ts';
import type { MeasuredCall } from './call-meter.ts';
import { Context, contextKey } from './context.ts';
import { RejectionError } from './errors.ts';
import { onHookError } from './hooks.ts';
import { pipeline } from './pipeline.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

/** A meter, and what it has heard. */
function meter() {
  const calls: MeasuredCall[] = [];
  return { calls, record: (call: MeasuredCall) => void calls.push(call) };
}

const told = (calls: readonly MeasuredCall[]) => calls.map(({ outcome, durationMs }) => [outcome, durationMs] as const);

describe('call meter', () => {
  it('(1) hears how each call ended and how long it took, as the counts of the pipeline say', async () => {
    const clock = virtualClock();
    const policy = pipeline(circuitBreaker({ clock, minimumCalls: 100 }), timeout({ timeoutMs: 50, clock }));
    const own = meter();
    policy.meterWith(own);
    const root = Context.withClock(clock);
    const early = root.withCancel();
    observe(policy.execute(() => after(clock, 10, 'value')));
    observe(policy.execute(() => after(clock, 20, 'value'), root.withTimeout(30)));
    observe(policy.execute(() => Promise.reject(new Error('down'))));
    observe(policy.execute(() => Promise.reject(new Refused('no'))));
    observe(policy.execute(never, early));
    observe(policy.execute(never));
    await clock.advance(5);
    early.cancel();
    await clock.advance(100);

    expect(told(own.calls)).toEqual([
      ['failure', 0],
      ['rejected', 0],
      ['cancelled', 5],
      ['success', 10],
      ['success', 20],
      ['failure', 50],
    ]);
    expect(policy.calls).toEqual({ success: 2, failure: 2, rejected: 1, cancelled: 1, running: 0 });
  });

  it('hears of calls refused before they began, of those without a clock, and of those inside other policies', async () => {
    const clock = virtualClock();
    const inner = pipeline(retry({ clock, maxAttempts: 1 }));
    const plain = pipeline(fallback({ value: 'instead' }));
    const [own, other] = [meter(), meter()];
    inner.meterWith(own);
    plain.meterWith(other);
    const ended = Context.withClock(clock).withCancel();
    ended.cancel();
    observe(inner.execute(() => 1, ended));
    const outer = pipeline(retry({ clock, maxAttempts: 3, baseDelayMs: 0, maxRetryRatio: 1 }), inner);
    observe(outer.execute(() => after(clock, 7, 1)));
    await clock.advance(10);
    const from = performance.now();
    await plain.execute(() => Promise.reject(new Error('down')));
    const tookMs = performance.now() - from;

    expect(told(own.calls)).toEqual([
      ['cancelled', 0],
      ['success', 7],
    ]);
    expect(other.calls).toMatchObject([{ outcome: 'success', callCount: 1 }]);
    expect(other.calls[0]?.durationMs).toBeLessThanOrEqual(tookMs);
  });

  it('is given the context of the caller', async () => {
    const user = contextKey<string>('user');
    const policy = pipeline(retry());
    const own = meter();
    policy.meterWith(own);

    await policy.execute(() => 1, Context.background.withValue(user, 'ann'));

    expect(own.calls[0]?.context.value(user)).toBe('ann');
  });

  it('(2) hears of what began before it was detached, and of nothing after', async () => {
    const clock = virtualClock();
    const policy = pipeline(timeout({ timeoutMs: 50, clock }));
    const [own, other] = [meter(), meter()];
    const attached = policy.meterWith(own);
    const alsoAttached = policy.meterWith(other);
    observe(policy.execute(() => after(clock, 10, 1)));
    attached.detach();
    attached.detach();
    await policy.execute(() => 1);
    await clock.advance(10);
    alsoAttached.detach();
    await policy.execute(() => 1);

    expect(told(own.calls)).toEqual([['success', 10]]);
    expect(own.calls).toHaveLength(1);
    expect(other.calls).toHaveLength(2);
  });

  it('(3) a meter that throws changes nothing for the call, and keeps no other from hearing', async () => {
    const reported: unknown[] = [];
    const before = onHookError(({ hook, policy }) => reported.push([hook, policy]));
    const policy = pipeline({ name: 'prices' }, retry());
    const own = meter();
    policy.meterWith({
      record: () => {
        throw new Error('broken');
      },
    });
    policy.meterWith(own);

    await expect(policy.execute(() => 42)).resolves.toBe(42);
    await expect(policy.execute(() => Promise.reject(new Refused('no')))).rejects.toThrow('no');
    expect(own.calls).toHaveLength(2);
    expect(reported).toEqual([
      ['meter', 'prices'],
      ['meter', 'prices'],
    ]);
    onHookError(before);
  });

  it('(1) a meter that comes late hears of no calls of before, however many it finds unmeasured', async () => {
    const policy = pipeline(fallback({ value: 1 }));
    policy.meterWith(meter());
    for (let call = 0; call < 1000; call++) void policy.execute(() => 1);

    for (let round = 0; round < 50; round++) {
      for (let call = 0; call < 37; call++) await policy.execute(() => 1);
      let [made, stoodFor] = [0, 0];
      const attached = policy.meterWith({ record: ({ callCount }) => void (stoodFor += callCount) });
      for (; made < 100; made++) {
        expect(stoodFor).toBeLessThanOrEqual(made);
        await policy.execute(() => 1);
      }
      attached.detach();
    }
  });

  it('(1) measures a thousand calls one by one, then few, and those stand for the rest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 4 }), async (rounds) => {
        const policy = pipeline(fallback({ value: 1 }));
        const own = meter();
        const attached = policy.meterWith(own);
        for (const count of rounds) {
          for (let call = 0; call < count; call++) void policy.execute(() => 1);
          attached.renew();
        }
        await settle();

        const made = rounds.reduce((sum, count) => sum + count, 0);
        const stoodFor = own.calls.reduce((sum, { callCount }) => sum + callCount, 0);
        expect(stoodFor).toBeLessThanOrEqual(made);
        expect(stoodFor).toBeGreaterThan(made - 128);
        const most = rounds.reduce(
          (sum, count) => sum + Math.min(count, 1000) + Math.max(0, count - 1000) / 40 + 128,
          0,
        );
        expect(own.calls.length).toBeLessThanOrEqual(most);
      }),
      { numRuns: 30 },
    );
  });
});
