import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { circuitBreaker, onHookError } from '@holdfast/core';
import { recordEvents } from '@holdfast/core/testing';

import { json, startAdminUnderTest } from './testing/admin-under-test.ts';
import { isoTimeOf, steadyWallClock } from './wall-clock.ts';

function hearHookErrors() {
  const report = vi.fn<(error: unknown) => void>();
  const before = onHookError(report);
  onTestFinished(() => void onHookError(before));
  return report;
}

describe('wall clock', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['tells NaN', () => Number.NaN],
    ['tells Infinity', () => Infinity],
    ['tells a date', () => new Date()],
  ])('that %s is reported, and stands still', (_what, wallClock) => {
    const report = hearHookErrors();

    expect(steadyWallClock(wallClock as () => number)()).toBe(0);
    expect(report).toHaveBeenCalledTimes(1);
  });

  it('writes any time', () => {
    expect([isoTimeOf(0), isoTimeOf(1e300)]).toEqual(['1970-01-01T00:00:00.000Z', '+275760-09-13T00:00:00.000Z']);
  });
});

describe('an endpoint whose hooks throw', () => {
  it('goes on answering, acting and looking, and tells of it', async () => {
    const report = hearHookErrors();
    let isBroken = false;
    const { ask, registry, degradation, clock } = await startAdminUnderTest({
      sampleMs: 1000,
      wallClock: () => {
        if (isBroken) throw new Error('no');
        return 0;
      },
    });
    const breaker = registry.create(circuitBreaker, { name: 'prices' });
    const heard = recordEvents(registry.events);
    isBroken = true;
    degradation.level = () => {
      throw new Error('no level');
    };
    await clock.advance(3000);
    const body = JSON.stringify({ state: 'open', actor: 'alice', reason: 'why', expiresInMs: 5000 });
    expect(await ask('/circuits/prices/hold', { method: 'PUT', headers: json, body })).toMatchObject({ status: 200 });
    expect((await ask('/audit')).status).toBe(200);
    await clock.advance(5000);

    expect(breaker.state).toBe('closed');
    expect(report.mock.calls.length).toBeGreaterThan(3);
    expect(heard.events.filter(({ type }) => type === 'admin.acted')).toMatchObject([
      { action: { kind: 'circuit.held', actor: 'alice', reason: 'why' } },
      { action: { kind: 'circuit.hold-expired' } },
    ]);
    expect((await ask('/history')).status).toBe(500);
    expect(clock.pendingCount).toBe(1);
  });
});
