import { circuitBreaker, createRegistry, onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { createLifecycle } from '../lifecycle/lifecycle.ts';
import type { LifecycleState } from '../lifecycle/lifecycle-event.ts';
import { type Health, type HealthOptions, createHealth } from './health.ts';

const running = { state: 'running' as LifecycleState, hasStarted: true };

function ask(health: Health, url: string, method = 'GET') {
  const answer: { status?: number; headers?: Record<string, string>; body?: string | undefined } = {};
  const isHandled = health.handle(
    { method, url },
    {
      writeHead: (status, headers) => Object.assign(answer, { status, headers }),
      end: (body) => Object.assign(answer, { body }),
    },
  );
  return { isHandled, ...answer, json: answer.body === undefined ? undefined : (JSON.parse(answer.body) as unknown) };
}

describe('createHealth', () => {
  it('refuses to give up without a reason in words', () => {
    const health = createHealth();
    for (const reason of [undefined, new Error('deadlock'), ''])
      expect(() => health.giveUp(reason as string)).toThrow('health.giveUp reason must be a non-empty string');

    expect(health.report().live.status).toBe('pass');
  });

  it('follows the life of a service', async () => {
    const clock = virtualClock();
    const lifecycle = createLifecycle({ clock, notReadyForMs: 0 });
    lifecycle.add({ name: 'a', drain: () => new Promise<void>((resolve) => void clock.setTimer(resolve, 100)) });
    const health = createHealth({ lifecycle, clock });
    const statuses = (): unknown => ['/livez', '/startupz', '/readyz'].map((path) => ask(health, path).status);

    expect(statuses()).toEqual([200, 503, 503]);
    await lifecycle.start();
    expect(statuses()).toEqual([200, 200, 200]);
    void lifecycle.stop();
    expect(statuses()).toEqual([200, 200, 503]);
    expect(ask(health, '/readyz').json).toEqual({ status: 'fail', reasons: ['the service is stopping'] });
    await clock.advance(100);
    expect(lifecycle.state).toBe('stopped');
  });

  it('charter R4: an open circuit is a warning, and answers 200', () => {
    const registry = createRegistry({ clock: virtualClock() });
    const breaker = registry.create(circuitBreaker, { name: 'prices' });
    registry.create(circuitBreaker, { name: 'held' }).hold('closed', { owner: 'test', forMs: 1000 });
    const health = createHealth({ circuits: registry });
    expect(ask(health, '/readyz').json).toEqual({ status: 'pass', reasons: [] });
    breaker.hold('open', { owner: 'test', forMs: 1000 });

    expect(ask(health, '/readyz')).toMatchObject({
      status: 200,
      json: { status: 'warn', reasons: ['the circuit prices is not closed'] },
    });
    expect(ask(health, '/livez').json).toEqual({ status: 'pass', reasons: [] });
  });

  it('(1) runs no check for who asks, however many ask', async () => {
    const clock = virtualClock();
    const check = vi.fn<() => void>();
    const health = createHealth({ clock, checks: { database: { check } } });
    for (let asked = 0; asked < 100; asked++) ask(health, '/readyz');
    await clock.advance(0);
    expect(check).toHaveBeenCalledTimes(1);
    for (let asked = 0; asked < 100; asked++) ask(health, '/healthz');
    await clock.advance(999);
    expect(check).toHaveBeenCalledTimes(1);
    await clock.advance(1);
    expect(check).toHaveBeenCalledTimes(2);
    health.close();
    health.close();
    expect(ask(health, '/readyz').status).toBe(200);
    expect(clock.pendingCount).toBe(0);
  });

  it('takes an instance out only for what is its own', async () => {
    const clock = virtualClock();
    const fails = (): boolean => false;
    const shared = createHealth({ clock, checks: { database: { check: fails } } });
    const own = createHealth({
      clock,
      checks: { disk: { check: fails, effect: 'ready' }, database: { check: fails } },
    });
    shared.begin();
    own.begin();
    await clock.advance(0);

    expect(ask(shared, '/readyz')).toMatchObject({ status: 200, json: { status: 'warn' } });
    expect(ask(own, '/readyz')).toMatchObject({
      status: 503,
      json: { status: 'fail', reasons: ['disk: the check returned false', 'database: the check returned false'] },
    });
    shared.close();
    own.close();
  });

  it('is not alive any more when the process has given itself up', () => {
    const health = createHealth({ lifecycle: running });
    health.giveUp('outbox crashes again and again');
    health.giveUp('another reason');

    expect(ask(health, '/livez')).toMatchObject({
      status: 503,
      json: { status: 'fail', reasons: ['outbox crashes again and again'] },
    });
    expect(ask(health, '/healthz').status).toBe(503);
  });

  it('tells people all that it rests on', async () => {
    const clock = virtualClock();
    const health = createHealth({ clock, checks: { database: { check: () => {} } } });
    health.begin();
    await clock.advance(0);

    expect(ask(health, '/healthz?verbose')).toMatchObject({
      status: 200,
      headers: { 'Content-Type': 'application/health+json', 'Cache-Control': 'no-store' },
      json: {
        status: 'pass',
        reasons: [],
        live: 'pass',
        ready: 'pass',
        start: 'pass',
        state: 'running',
        openCircuits: [],
        checks: [{ name: 'database', effect: 'degraded', result: 'pass', ageMs: 0 }],
      },
    });
    expect(health.report()).toMatchObject({ ready: { status: 'pass' }, hasStarted: true, fatal: undefined });
    health.close();
  });

  it('leaves alone what is none of its paths, and knows two methods', () => {
    const health = createHealth();

    expect(ask(health, '/orders')).toEqual({ isHandled: false, json: undefined });
    expect(ask(health, '/livez/deep').isHandled).toBe(false);
    expect(health.handle({}, { writeHead: () => {}, end: () => {} })).toBe(false);
    expect(ask(health, '/livez', 'POST')).toMatchObject({
      isHandled: true,
      status: 405,
      headers: { Allow: 'GET, HEAD' },
    });
    expect(ask(health, '/livez', 'HEAD')).toMatchObject({
      status: 200,
      body: undefined,
      headers: { 'Content-Length': '30' },
    });
  });

  it('(2) counts policies that cannot be looked at as a warning, and reports it', () => {
    const reported: string[] = [];
    const before = onHookError(({ hook }) => void reported.push(hook));
    const hostile = {
      [Symbol.iterator]() {
        throw new Error('no');
      },
    };
    const health = createHealth({ circuits: hostile as never });
    const answer = ask(health, '/readyz');
    onHookError(before);

    expect(answer).toMatchObject({ status: 200, json: { status: 'warn' } });
    expect(reported).toEqual(['circuits']);
  });

  it.each([
    [{ checks: 1 }, 'health.checks must be checks by name'],
    [{ checks: { a: {} } }, 'health.checks.a.check must be a function'],
    [
      { checks: { a: { check: () => {}, effect: 'live' } } },
      'health.checks.a.effect must be one of "ready", "degraded"',
    ],
    [{ checks: { a: { check: () => {}, everyMs: 1 } } }, 'health.checks.a.everyMs must be a number from 10'],
    [{ checks: { a: { check: () => {}, timeoutMs: 0 } } }, 'health.checks.a.timeoutMs must be a number from 1'],
    [{ circuits: 1 }, 'health.circuits must be a registry'],
    [{ lifecycle: {} }, 'health.lifecycle must be a Lifecycle'],
    [{ path: '/' }, 'health has no option "path"'],
  ])('refuses the options %j', (options, message) => {
    expect(() => createHealth(options as HealthOptions)).toThrow(message);
  });
});
