import { Context, createEvents, onHookError } from '@holdfast/core';
import { recordEvents, settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { OnceLink, OnceServer } from '../../../../test/redis/once-model.ts';
import { type RedisOnceOptions, onceOver, onceSettings, redisOnceDefaults } from './redis-once.ts';

const place = { namespace: 'test' };
const recordKey = 'rb1:{test/once/refund/7}';

/** Some processes on virtual time over the model of the scripts. */
function setUp(count = 1, options: Partial<RedisOnceOptions> = {}) {
  const clock = virtualClock();
  const events = createEvents();
  const server = new OnceServer(clock);
  const links = Array.from({ length: count }, () => new OnceLink(server, clock));
  const settings = onceSettings({ ...place, leaseMs: 3000, clock, events, random: () => 0.5, ...options });
  const processes = links.map((link) => onceOver(link, settings));
  const [once, other] = processes as [(typeof processes)[0], (typeof processes)[0]];
  const [link, otherLink] = links as [OnceLink, OnceLink];
  onTestFinished(async () => {
    await clock.advance(20_000);
    expect(clock.pendingCount).toBe(0);
  });
  return { clock, events, server, once, other, link, otherLink, processes };
}

/** A job that settles when told to, and knows its context and grant. */
function heldJob() {
  const job = vi.fn<(context: Context, grant: { fencingToken: number; attempt: number }) => Promise<string>>();
  let resolve: (value: string) => void = () => {};
  let reject: (error: Error) => void = () => {};
  job.mockImplementation(
    () =>
      new Promise((done, fail) => {
        [resolve, reject] = [done, fail];
      }),
  );
  return { job, resolve: (value: string) => resolve(value), reject: (error: Error) => reject(error) };
}

/** What a promise has come to so far. */
function standing(promise: Promise<unknown>) {
  const state: { value?: unknown } = { value: 'waiting' };
  promise.then(
    (value) => (state.value = value),
    (error: unknown) => (state.value = error),
  );
  return state;
}

describe('redisOnce', () => {
  it('(1) (2) runs the job of one of many callers, and gives all of them its result', async () => {
    const { clock, server, processes } = setUp(3);
    const job = vi.fn<() => Promise<{ paid: number }>>(async () => ({ paid: 7 }));
    const calls = processes.flatMap((once) => Array.from({ length: 5 }, () => standing(once.run('refund/7', job))));
    await clock.advance(1000);

    expect(calls.map(({ value }) => value)).toEqual(calls.map(() => ({ paid: 7 })));
    expect(job).toHaveBeenCalledOnce();
    expect(server.records.get(recordKey)).toMatchObject({ s: 'd', a: 1, r: '{"paid":7}' });
  });

  it('(2) gives the result to later callers, without running anything', async () => {
    const { clock, once, other } = setUp(2);
    const first = standing(once.run('refund/7', () => undefined));
    await clock.advance(10);
    const job = vi.fn<() => void>();
    const later = standing(other.run('refund/7', job));
    await clock.advance(10);

    expect([first.value, later.value]).toEqual([undefined, undefined]);
    expect(job).not.toHaveBeenCalled();
  });

  it('(1) (4) runs the job of another once the lease of a process that died has run out, with a higher token', async () => {
    const { clock, once, other, link, otherLink, events } = setUp(2);
    const heard = recordEvents(events);
    const dead = heldJob();
    standing(once.run('refund/7', dead.job));
    await clock.advance(10);
    link.fate = () => 'lost'; // as if it had died
    otherLink.fate = () => 'answered';
    const job = vi.fn<(context: Context, grant: { fencingToken: number; attempt: number }) => string>(() => 'done');
    const call = standing(other.run('refund/7', job));
    await clock.advance(2900);
    expect(job).not.toHaveBeenCalled();
    await clock.advance(500);

    expect(call.value).toBe('done');
    expect(job.mock.calls[0]?.[1]?.attempt).toBe(2);
    expect(job.mock.calls[0]?.[1]?.fencingToken).toBeGreaterThan(Number(dead.job.mock.calls[0]?.[1]?.fencingToken));
    expect(heard.events).toContainEqual(expect.objectContaining({ type: 'once.retried', key: 'refund/7', attempt: 2 }));
  });

  it('once-try (1) prolongs the lease while the job runs, and no longer', async () => {
    const { clock, once, server } = setUp();
    const { job, resolve } = heldJob();
    const call = standing(once.run('refund/7', job));
    await clock.advance(10_500);
    expect(server.ran.filter((name) => name === 'once-renew')).toHaveLength(10);
    resolve('done');
    await clock.advance(10);
    expect(call.value).toBe('done');
    await clock.advance(10_000);

    expect(server.ran.filter((name) => name === 'once-renew')).toHaveLength(10);
  });

  it('once-try (1) stops prolonging when the context of its caller ends', async () => {
    const { clock, once, server } = setUp();
    const context = Context.withClock(clock).withCancel();
    const { job } = heldJob();
    const call = standing(once.run('refund/7', job, context));
    await clock.advance(1500);
    context.cancel('enough');
    await settle();
    expect(call.value).toBe('enough');
    await clock.advance(10_000);

    expect(server.ran.filter((name) => name === 'once-renew')).toHaveLength(1);
  });

  it('once-try (2) (3) tells a job whose lease was taken, and its caller, and records nothing of it', async () => {
    const { clock, once, server, events } = setUp();
    const heard = recordEvents(events);
    const { job, resolve } = heldJob();
    const call = standing(once.run('refund/7', job));
    await clock.advance(10);
    server.records.set(recordKey, { s: 'p', t: 9e15, a: 2, h: 'other', u: 9e15, m: 1000 });
    await clock.advance(1010);

    expect(call.value).toMatchObject({ code: 'ONCE_LEASE_LOST', key: 'refund/7' });
    expect(job.mock.calls[0]?.[0]?.cause).toBe(call.value);
    expect(heard.events).toMatchObject([{ type: 'once.lease-lost', key: 'refund/7' }]);
    resolve('too late');
    await clock.advance(10);
    expect(server.records.get(recordKey)).toMatchObject({ s: 'p', t: 9e15 });
  });

  it('once-try (2) gives a job up that cannot know whether it holds its lease any more', async () => {
    const { clock, once, link } = setUp();
    const { job } = heldJob();
    const call = standing(once.run('refund/7', job));
    await clock.advance(10);
    link.fate = () => 'lost';
    await clock.advance(2980);
    expect(call.value).toBe('waiting');
    await clock.advance(11);

    expect(call.value).toMatchObject({ code: 'ONCE_LEASE_LOST' });
    expect(job.mock.calls[0]?.[0]?.cancelled).toBe(true);
  });

  it('(3) once-try (3) gives the result of the other try to one that finishes late', async () => {
    const { clock, once, server } = setUp();
    const { job, resolve } = heldJob();
    const call = standing(once.run('refund/7', job));
    await clock.advance(10);
    server.records.set(recordKey, { s: 'd', t: 9e15, a: 2, r: '"theirs"' });
    resolve('mine');
    await clock.advance(10);

    expect(call.value).toBe('theirs');
  });

  it('records what a job comes to whose caller has left, if nobody took over', async () => {
    const { clock, once, server } = setUp();
    const context = Context.withClock(clock).withTimeout(100);
    const { job, resolve } = heldJob();
    const call = standing(once.run('refund/7', job, context));
    await clock.advance(200);
    expect(call.value).toMatchObject({ name: 'TimeoutError' });
    resolve('late');
    await clock.advance(10);

    expect(server.records.get(recordKey)).toMatchObject({ s: 'd', r: '"late"' });
  });

  it('frees the key when the job fails, and gives its caller the error', async () => {
    const { clock, once, server } = setUp();
    const failure = new Error('no money');
    const first = standing(once.run('refund/7', () => Promise.reject(failure)));
    const second = standing(once.run('refund/7', (_context, { attempt }) => attempt));
    await clock.advance(100);

    expect(first.value).toBe(failure);
    expect(second.value).toBe(2);
    expect(server.records.get(recordKey)).toMatchObject({ s: 'd', a: 2 });
  });

  it('runs a job again also where the place for events throws', async () => {
    const reported = vi.fn<() => void>();
    const before = onHookError(reported);
    const broken = () => {
      throw new Error('no room for events');
    };
    const { clock, once } = setUp(1, { events: { active: true, listen: () => () => {}, emit: broken } });
    const first = standing(once.run('refund/7', () => Promise.reject(new Error('no money'))));
    const second = standing(once.run('refund/7', () => 'done'));
    await clock.advance(100);
    onHookError(before);

    expect(first.value).toMatchObject({ message: 'no money' });
    expect(second.value).toBe('done');
    expect(reported).toHaveBeenCalledOnce();
  });

  it('remembers a failure where that is asked for', async () => {
    const { clock, once, other } = setUp(2, { onFailure: 'remember' });
    const failure = Object.assign(new TypeError('no money'), { code: 'BROKE' });
    const first = standing(
      once.run('refund/7', () => {
        throw failure;
      }),
    );
    await clock.advance(10);
    const later = standing(other.run('refund/7', () => 1));
    await clock.advance(10);

    expect(first.value).toBe(failure);
    expect(later.value).toMatchObject({
      code: 'ONCE_FAILED',
      failure: { name: 'TypeError', message: 'no money', code: 'BROKE' },
    });
  });

  it.each([
    ['too-large', 'x'.repeat(65_535)],
    ['not-json', 1n],
  ])('keeps no result that is %s, but that it was done', async (reason, result) => {
    const { clock, once, other } = setUp(2);
    const first = standing(once.run('refund/7', () => result));
    await clock.advance(10);
    const later = standing(other.run('refund/7', () => 'again'));
    await clock.advance(10);

    expect(first.value).toBe(result);
    expect(later.value).toMatchObject({ code: 'ONCE_RESULT_NOT_KEPT', reason });
  });

  it('(1) never runs a job while the store does not answer', async () => {
    const { clock, once, link } = setUp();
    link.fate = () => 'lost';
    const job = vi.fn<() => void>();
    const calls = [standing(once.run('refund/7', job)), standing(once.run('refund/7', job))];
    await clock.advance(1000);

    expect(calls.map(({ value }) => value)).toMatchObject([
      { code: 'STORE_UNAVAILABLE' },
      { code: 'STORE_UNAVAILABLE' },
    ]);
    expect(job).not.toHaveBeenCalled();
  });

  it('(1) runs it without a lease where that is asked for', async () => {
    const { clock, once, link } = setUp(1, { whenUnavailable: 'run' });
    link.isReady = false;
    const call = standing(once.run('refund/7', (_context, grant) => grant));
    await clock.advance(1000);

    expect(call.value).toEqual({ fencingToken: 0, attempt: 0 });
  });

  it('(1) (4) takes its own lease again where the answer to its claim was lost', async () => {
    const { clock, once, link, server } = setUp();
    let asked = 0;
    link.fate = () => (++asked === 1 ? 'unheard' : 'answered');
    const call = standing(once.run('refund/7', (_context, { attempt }) => attempt));
    await clock.advance(510);

    expect(call.value).toBe(1);
    expect(server.ran).toEqual(['once-claim', 'once-claim', 'once-finish']);
  });

  it('records a result whose first answer was lost, once', async () => {
    const { clock, once, link, server } = setUp();
    let finished = 0;
    link.fate = (name) => (name === 'once-finish' && ++finished === 1 ? 'unheard' : 'answered');
    const call = standing(once.run('refund/7', () => 'done'));
    await clock.advance(510);

    expect(call.value).toBe('done');
    expect(server.records.get(recordKey)).toMatchObject({ s: 'd', r: '"done"' });
  });

  it('tells apart that a job was done and could not be recorded', async () => {
    const { clock, once, link } = setUp();
    link.fate = (name) => (name === 'once-finish' ? 'lost' : 'answered');
    const call = standing(once.run('refund/7', () => 'done'));
    await clock.advance(1010);

    expect(call.value).toMatchObject({ code: 'ONCE_UNRECORDED', value: 'done', cause: { code: 'STORE_UNAVAILABLE' } });
  });

  it('once-room (2) (3) lets a waiting caller go at once, and asks no more when the last has left', async () => {
    const { clock, once, server } = setUp();
    server.records.set(recordKey, { s: 'p', t: 5, a: 1, h: 'other', u: 9e15, m: 1e9 });
    const context = Context.withClock(clock).withTimeout(1000);
    const call = standing(once.run('refund/7', () => 1, context));
    await clock.advance(999);
    expect(server.ran.length).toBeGreaterThan(3);
    expect(server.ran.length).toBeLessThan(15);
    await clock.advance(1);
    const asked = server.ran.length;

    expect(call.value).toMatchObject({ name: 'TimeoutError' });
    await clock.advance(5000);
    expect(server.ran.length).toBe(asked);
    expect(clock.pendingCount).toBe(0);
  });

  it('once-room (1) (3) gives a lease back that comes when all have left', async () => {
    const { clock, once, server } = setUp();
    const context = Context.withClock(clock).withCancel();
    const job = vi.fn<() => void>();
    standing(once.run('refund/7', job, context));
    context.cancel('enough');
    await clock.advance(10);

    expect(job).not.toHaveBeenCalled();
    expect(server.records.get(recordKey)).toMatchObject({ s: 'i', a: 1 });
  });

  it('lets a job that runs finish on close, and dismisses those who wait', async () => {
    const { clock, once, link, server } = setUp();
    const { job, resolve } = heldJob();
    const [running, waiting] = [standing(once.run('refund/7', job)), standing(once.run('refund/7', job))];
    await clock.advance(10);
    const closing = standing(once.close().then(() => 'closed'));
    await clock.advance(10);
    expect(waiting.value).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(closing.value).toBe('waiting');
    resolve('done');
    await clock.advance(10);

    expect([running.value, closing.value, link.isClosed]).toEqual(['done', 'closed', true]);
    expect(server.records.get(recordKey)).toMatchObject({ s: 'd' });
    await expect(once.run('refund/8', () => 1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('refuses a key, a job or a context that is none', async () => {
    const { once } = setUp();

    await expect(once.run('', () => 1)).rejects.toThrow('once.run key must be a string of 1 to 128 characters');
    await expect(once.run('a', 7 as never)).rejects.toThrow('once.run job must be a function');
    await expect(once.run('a', () => 1, {} as never)).rejects.toThrow('once.run context must be a Context');
  });

  it.each([
    ['namespace', '', 'redisOnce.namespace must be 1 to 64 letters'],
    ['leaseMs', 199, 'redisOnce.leaseMs must be a number from 200 to 3600000, got 199'],
    ['resultTtlMs', 999, 'redisOnce.resultTtlMs must be a number from 1000'],
    ['maxResultBytes', -1, 'redisOnce.maxResultBytes must be an integer from 0'],
    ['onFailure', 'ignore', 'redisOnce.onFailure must be one of "retry", "remember"'],
    ['whenUnavailable', 'local', 'redisOnce.whenUnavailable must be one of "refuse", "run"'],
    ['commandTimeoutMs', 9, 'redisOnce.commandTimeoutMs must be a number from 10'],
    ['name', '', 'redisOnce.name must be a non-empty string'],
    ['ttl', 9, 'redisOnce has no option "ttl"'],
  ])('refuses %s %s', (option, value, message) => {
    expect(() => onceSettings({ ...place, [option]: value })).toThrow(message);
  });

  it('has the defaults that it says', () => {
    expect(onceSettings(place)).toEqual({ ...redisOnceDefaults, ...place });
  });
});
