import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { within } from './within.ts';

const never = (): Promise<never> => new Promise(() => {});

describe('within', () => {
  it('(1) rejects when its time is over, and not before', async () => {
    const clock = virtualClock();
    const outcome = within({ clock, timeoutMs: 100, what: 'PING' }, never).catch((error: unknown) => error);
    await clock.advance(99);
    expect(clock.pendingCount).toBe(1);

    await clock.advance(1);
    await expect(outcome).resolves.toMatchObject({ message: 'PING: no reply within 100 ms', trouble: 'timeout' });
  });

  it('(1) looks at what has arrived before it gives up, where the clock can defer', async () => {
    const deferred: (() => void)[] = [];
    const clock = Object.assign(virtualClock(), { defer: (callback: () => void) => void deferred.push(callback) });
    let answer: (reply: string) => void = () => {};
    const outcome = within({ clock, timeoutMs: 100, what: 'PING' }, () => new Promise((resolve) => (answer = resolve)));
    await clock.advance(100);
    answer('PONG');
    await clock.advance(0);
    deferred[0]?.();

    await expect(outcome).resolves.toBe('PONG');
  });

  it('(2) leaves no timer, and none that holds the process', async () => {
    const clock = virtualClock();
    const waiting = within({ clock, timeoutMs: 100, what: 'PING' }, never).catch(() => {});
    expect(clock.referencedCount).toBe(0);
    await expect(within({ clock, timeoutMs: 100, what: 'PING' }, () => Promise.resolve(1))).resolves.toBe(1);
    await clock.advance(0);
    expect(clock.pendingCount).toBe(1);
    await clock.advance(100);
    await waiting;
    expect(clock.pendingCount).toBe(0);
  });

  it('rejects with what is thrown', async () => {
    const clock = virtualClock();
    const refused = (): never => {
      throw new Error('refused');
    };

    await expect(within({ clock, timeoutMs: 100, what: 'PING' }, refused)).rejects.toThrow('refused');
  });
});
