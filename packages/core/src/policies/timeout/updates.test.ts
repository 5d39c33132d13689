import { describe, expect, it } from 'vitest';

import type { Clock } from '../../kernel/clock.ts';
import { after, never, observe } from '../../testing/operation-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { timeout } from './timeout.ts';

describe('a timeout, changed while calls run', () => {
  it('(3) leaves no timer behind at rest, however often it was changed', async () => {
    for (const withDefer of [true, false]) {
      const virtual = virtualClock();
      const clock: Clock = withDefer
        ? virtual
        : { now: () => virtual.now(), setTimer: (...args) => virtual.setTimer(...args) };
      const policy = timeout({ timeoutMs: 60_000, clock });
      for (let index = 0; index < 20; index++) {
        policy.update({ timeoutMs: 60_000 + index });
        const call = observe(policy.execute(() => after(virtual, 1, 'value')));
        await virtual.advance(1); // oxlint-disable-line no-await-in-loop -- one call after the other
        expect(call().status).toBe('fulfilled');
      }
      expect([virtual.pendingCount, virtual.referencedCount]).toEqual([1, 0]);
    }
  });

  it('(3) (7) keeps the timer of a time that holds no more until the last of its calls has left', async () => {
    const clock = virtualClock();
    const policy = timeout({ timeoutMs: 100, clock });
    const calls = [observe(policy.execute(never)), observe(policy.execute(() => after(clock, 10, 'value')))];
    policy.update({ timeoutMs: 500 }); // in the turn in which they started
    await clock.advance(5);
    expect(clock.pendingCount).toBe(2); // that of the operation, and one for both
    await clock.advance(5);
    expect([calls[1]?.().status, clock.pendingCount]).toEqual(['fulfilled', 1]);
    await clock.advance(90);

    expect(calls[0]?.()).toMatchObject({ error: { code: 'TIMEOUT', timeoutMs: 100 } });
    expect(clock.pendingCount).toBe(0);
  });

  it('(3) shares one timer between calls of the same time, whatever else was changed', async () => {
    const clock = virtualClock();
    const policy = timeout({ timeoutMs: 100, clock });
    observe(policy.execute(never));
    await clock.advance(1);
    policy.update({ enforcement: 'observe' });
    observe(policy.execute(never));
    await clock.advance(1);

    expect(clock.pendingCount).toBe(1);
    await clock.advance(200);
    expect(policy.snapshot()).toMatchObject({ timedOut: 1, observed: 1 });
  });
});
