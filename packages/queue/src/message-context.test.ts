import { Context, contextKey } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { createQueueCodec } from './codec.ts';
import { messageContext } from './message-context.ts';

const limits = { defaultTimeoutMs: 100, maxTimeoutMs: 1000 };
const tenant = contextKey<string>('tenant');

/** A message whose publisher had `leftMs`, handled below a parent that has `parentMs`. */
function make(
  leftMs: number | undefined,
  { parentMs = Infinity, ...over }: Partial<typeof limits & { parentMs: number }> = {},
) {
  const clock = virtualClock();
  const codec = createQueueCodec({ wallClock: () => 1_700_000_000_000 + clock.now(), clockSkewMs: 0 });
  const root = Context.withClock(clock);
  const headers = codec.inject(leftMs === undefined ? root : root.withTimeout(leftMs), {});
  const parent = root.withTimeout(parentMs).withValue(tenant, 'ada');
  return { ...messageContext(parent, { ...limits, ...over }, (below) => codec.extract(headers, below)), parent };
}

describe('messageContext', () => {
  it.each([
    [99, 99],
    [500, 500],
    [1000, 1000],
    [1001, 1000],
    [50_000, 1000],
  ])('(1) gives a message with a deadline in %s ms %s ms', (leftMs, expectedMs) => {
    expect(make(leftMs).context.remainingMs()).toBe(expectedMs);
  });

  it('(2) gives a message without a deadline the default, and never more than the most', () => {
    expect(make(undefined).context.remainingMs()).toBe(100);
    expect(make(undefined, { maxTimeoutMs: 60 }).context.remainingMs()).toBe(60);
  });

  it('(3) ends with the parent, whose deadline does not hide that of the message', () => {
    expect(make(undefined, { parentMs: 40 }).context.remainingMs()).toBe(40);
    expect(make(50_000, { parentMs: 700 }).context.remainingMs()).toBe(700);
    expect(make(50_000, { parentMs: 20_000 }).context.remainingMs()).toBe(1000);
    const { context } = make(500, { parentMs: 700 });
    expect([context.remainingMs(), context.value(tenant)]).toEqual([500, 'ada']);
  });

  it('tells how long anybody waits for the message, whatever its handler is given', () => {
    expect(make(50_000).own.remainingMs()).toBe(50_000);
    expect(make(50_000, { parentMs: 700 }).own.remainingMs()).toBe(50_000);
    expect(make(undefined, { parentMs: 700 }).own.remainingMs()).toBe(Infinity);
    expect(make(0).context.cancelled).toBe(true);
  });
});
