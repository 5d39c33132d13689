import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { StoreUnavailableError } from '../lua-script.ts';
import { type Denial, RequestLog } from './request-log.ts';

function setUp() {
  const clock = virtualClock();
  const denials: Denial[] = [];
  const log = new RequestLog(clock, (denial) => denials.push(denial));
  const fails = async (error: unknown): Promise<void> => {
    const failing = log.count('step', async () => {
      throw error;
    });
    await expect(failing).rejects.toBe(error);
  };
  return { clock, denials, log, fails };
}

const noPermission = new Error("NOPERM this user has no permissions to run the 'evalsha' command");

describe('RequestLog', () => {
  it('(1) counts by operation and result, and adds up the time of answers', async () => {
    const { clock, log, fails } = setUp();
    const slow = log.count('sync', async () => clock.advance(7));
    await slow;
    await fails(new StoreUnavailableError('late', { trouble: 'timeout' }));
    await fails(new Error('Command timed out'));
    await fails(new StoreUnavailableError('gone'));
    await clock.advance(5);

    const { operations, latency, silentMs } = log.health();
    expect(operations).toEqual([
      { operation: 'sync', result: 'ok', count: 1 },
      { operation: 'step', result: 'timeout', count: 2 },
      { operation: 'step', result: 'error', count: 1 },
    ]);
    expect(latency).toEqual({ sumMs: 7, count: 1 });
    expect(silentMs).toBe(5);
  });

  it('counts what is asked besides, and leaves it out of the health of the store', async () => {
    const { log } = setUp();
    await log.count('ping', () => Promise.resolve('PONG'));

    expect(log.counted('ping', 'ok')).toBe(1);
    expect(log.counted('ping', 'timeout')).toBe(0);
    expect(log.health()).toMatchObject({ operations: [], latency: { count: 0 }, silentMs: Infinity });
  });

  it('has been silent for ever before the first answer', () => {
    expect(setUp().log.health().silentMs).toBe(Infinity);
  });

  it('gives back what the request comes to', async () => {
    const { fails, log } = setUp();
    await fails(noPermission);

    await expect(log.count('sync', () => Promise.resolve(3))).resolves.toBe(3);
  });

  it('(2) tells a denial when it begins, and again after a request of that kind was served', async () => {
    const { denials, log, fails } = setUp();
    await fails(noPermission);
    await fails(new StoreUnavailableError('denied', { trouble: 'denied', cause: noPermission }));
    await log.count('sync', () => Promise.resolve(1));
    expect(denials).toEqual([{ operation: 'step', message: noPermission.message }]);
    expect(log.denial).toEqual(denials[0]);

    await log.count('step', () => Promise.resolve(1));
    expect(log.denial).toBeUndefined();
    await fails(noPermission);
    expect(denials).toHaveLength(2);
  });

  it('(2) finds a denial in a reply to a request of which a part was done', async () => {
    const { denials, log } = setUp();
    const step = (refusal: string | undefined): Promise<number> =>
      log.count(
        'step',
        () => Promise.resolve(1),
        () => refusal,
      );
    await step('MISCONF');
    await step('MISCONF');
    expect(denials).toEqual([{ operation: 'step', message: 'MISCONF' }]);

    await step(undefined);
    expect(log.denial).toBeUndefined();
  });

  it('(2) tells when a connection is refused, and when it stands again', () => {
    const { denials, log } = setUp();
    log.noteConnection(new Error('connect ECONNREFUSED'));
    log.noteConnection(new Error('WRONGPASS invalid username-password pair'));
    log.noteConnection(new Error('WRONGPASS invalid username-password pair'));
    expect(denials).toHaveLength(1);

    log.noteReady();
    expect(log.denial).toBeUndefined();
  });
});
