import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { never, observe, scripted } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts';
import { HedgeDelay, type LatencyQuantile, resolveDelay } from './hedge-delay.ts';
import { type Hedge, type HedgeOptions, hedge } from './hedge.ts';

const quantile = { quantile: 0.9, maxMs: 500, minimumCalls: 10 };

/** Runs calls one after the other, each of `takesMs`. */
async function play(policy: Hedge, clock: VirtualClock, takesMs: readonly number[]): Promise<void> {
  for (const each of takesMs) {
    observe(policy.execute(scripted(clock, [each, 'value']).run));
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await clock.advance(each);
  }
}

function setUp(options: Partial<HedgeOptions> = {}) {
  const clock = virtualClock();
  return { clock, policy: hedge({ delayMs: quantile, maxHedgeRatio: 1, clock, ...options }) };
}

describe('hedge delay', () => {
  it('is maxMs until minimumCalls are known, and then what the share of them did not exceed', async () => {
    const { clock, policy } = setUp();
    await play(policy, clock, [10, 10, 10, 10, 10, 10, 10, 10, 80]);
    expect(policy.snapshot().delayMs).toBe(500);

    await play(policy, clock, [10]);

    expect(Math.abs(policy.snapshot().delayMs - 10)).toBeLessThanOrEqual(10 / 32);
  });

  it('keeps within minMs and maxMs', async () => {
    const { clock, policy } = setUp({ delayMs: { ...quantile, minMs: 50 } });
    await play(
      policy,
      clock,
      Array.from({ length: 10 }, () => 10),
    );
    expect(policy.snapshot().delayMs).toBe(50);

    policy.update({ delayMs: { ...quantile, maxMs: 5 } });
    expect(policy.snapshot().delayMs).toBe(5);
  });

  it('is that of its call from its start to its end', async () => {
    const { clock, policy } = setUp({ maxAttempts: 3 });
    const operation = scripted(clock);
    observe(policy.execute(operation.run));
    await play(
      policy,
      clock,
      Array.from({ length: 10 }, () => 1),
    );
    await clock.runAll();

    expect(operation.startedAt).toEqual([0, 500, 1000]);
  });

  it('forgets what has left the window, and is maxMs again', async () => {
    const { clock, policy } = setUp({ delayMs: { ...quantile, windowMs: 1000 } });
    await play(
      policy,
      clock,
      Array.from({ length: 10 }, () => 10),
    );
    expect(policy.snapshot().delayMs).toBeLessThan(11);

    await clock.advance(2000);

    expect(policy.snapshot().delayMs).toBe(500);
  });

  it('goes up with the latency although the slow copies are cancelled as losers', async () => {
    const { clock, policy } = setUp({ delayMs: { ...quantile, maxMs: 5000 } });
    await play(
      policy,
      clock,
      Array.from({ length: 20 }, () => 10),
    );
    for (let call = 0; call < 40; call++) {
      observe(policy.execute(scripted(clock, [2000, 'first'], [300, 'second']).run));
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await clock.advance(2000);
    }

    expect(policy.snapshot().delayMs).toBeGreaterThan(300);
  });

  it('goes up where callers give up before the first copy is through', async () => {
    const { clock, policy } = setUp({ delayMs: { ...quantile, maxMs: 5000 } });
    await play(
      policy,
      clock,
      Array.from({ length: 20 }, () => 10),
    );
    for (let call = 0; call < 40; call++) {
      observe(policy.execute(never, Context.withClock(clock).withTimeout(200)));
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await clock.advance(200);
    }

    expect(Math.abs(policy.snapshot().delayMs - 200)).toBeLessThanOrEqual(200 / 32);
  });

  it('takes no notice of quick failures, of refusals, and of copies beyond the first', async () => {
    const { clock, policy } = setUp({
      classify: (outcome) => (outcome.status === 'fulfilled' ? 'success' : 'failure'),
    });
    await play(
      policy,
      clock,
      Array.from({ length: 10 }, () => 100),
    );
    for (let call = 0; call < 40; call++) {
      observe(policy.execute(scripted(clock, [1, new Error('quick')]).run));
      observe(policy.execute(scripted(clock, [102, 'first'], [5, 'quick']).run));
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await clock.runAll();
    }

    expect(Math.abs(policy.snapshot().delayMs - 102)).toBeLessThanOrEqual(102 / 32 + 4);
  });

  it('takes no notice of a quick copy that came after a failed one', async () => {
    const { clock, policy } = setUp({ hedgeOnFailure: true });
    await play(
      policy,
      clock,
      Array.from({ length: 10 }, () => 100),
    );
    for (let call = 0; call < 120; call++) {
      observe(policy.execute(scripted(clock, [1, new Error('quick')], [5, 'second']).run));
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await clock.runAll();
    }

    expect(policy.snapshot().hedged).toBe(120);
    expect(Math.abs(policy.snapshot().delayMs - 100)).toBeLessThanOrEqual(100 / 32);
  });

  it('learns under observe as well', async () => {
    const { clock, policy } = setUp({ enforcement: 'observe' });
    await play(
      policy,
      clock,
      Array.from({ length: 10 }, () => 64),
    );

    expect(Math.abs(policy.snapshot().delayMs - 64)).toBeLessThanOrEqual(2);
  });

  it('(9) keeps what it knows through a change that leaves the window as it was, and begins anew else', async () => {
    const { clock, policy } = setUp();
    await play(policy, clock, [...Array.from({ length: 9 }, () => 10), 80]);

    policy.update({ delayMs: { ...quantile, quantile: 0.95 } });
    expect(Math.abs(policy.snapshot().delayMs - 80)).toBeLessThanOrEqual(80 / 32);
    policy.update({ delayMs: { ...quantile, windowMs: 5000 } });
    expect(policy.snapshot().delayMs).toBe(500);
    policy.update({ delayMs: 7 });
    expect(policy.snapshot().delayMs).toBe(7);
  });

  it('reads the clock once going in and once coming out', async () => {
    let reads = 0;
    const clock = virtualClock();
    const counting = { now: () => (reads++, clock.now()), setTimer: clock.setTimer.bind(clock) };
    const policy = hedge({ delayMs: quantile, clock: counting });

    await policy.execute(() => 'value');

    expect(reads).toBe(2);
  });

  it('goes by instants that were read already, and passes on those that it reads', () => {
    let reads = 0;
    const clock = virtualClock(50);
    const counting = { now: () => (reads++, clock.now()), setTimer: clock.setTimer.bind(clock) };
    const told: number[] = [];
    const tell = (_outcome: unknown, now: number): unknown => told.push(now);
    const sink = { resolve: tell, reject: tell, refuse: tell };
    for (const at of [60, Number.NEGATIVE_INFINITY]) {
      for (const enforcement of ['enforce', 'observe'] as const) {
        const { layer } = hedge({ delayMs: quantile, clock: counting, enforcement });
        const handler = layer((_operation, _context, inner) => inner.resolve('value', at));
        handler(never, Context.background, sink, 40);
      }
    }

    expect(told).toEqual([60, 60, 50, 50]);
    expect(reads).toBe(2);
  });

  it('is the quantile of the samples that count, a sixteenth of them or 64 behind at most', { timeout: 60_000 }, () => {
    const samples = fc.array(fc.record({ latencyMs: fc.integer({ min: 1, max: 3000 }), succeeded: fc.boolean() }), {
      maxLength: 300,
      size: 'max',
    });
    const property = fc.property(samples, fc.constantFrom(0.5, 0.9, 0.99), (taken, q) => {
      const setting = resolveDelay({
        quantile: q,
        maxMs: 2000,
        minMs: 5,
        minimumCalls: 20,
      }) as Required<LatencyQuantile>;
      const delay = new HedgeDelay(setting);
      const kept: number[] = [];
      for (const { latencyMs, succeeded } of taken) {
        const delayMs = delay.currentMs(0);
        const lag = Math.min(Math.ceil(kept.length / 16), 64);
        const isRight = (behind: number): boolean => {
          const expected = naive(kept.slice(0, kept.length - behind), q);
          return Math.abs(expected - delayMs) <= expected / 32 + 1e-9;
        };
        if (!Array.from({ length: lag + 1 }, (_each, behind) => behind).some(isRight))
          expect.fail(`${delayMs} ms is no quantile of ${kept.join(', ')}`);
        delay.sample(latencyMs, { succeeded, delayMs, now: 0 });
        if (succeeded || latencyMs >= delayMs) kept.push(latencyMs);
      }
    });
    fc.assert(property, { numRuns: 40 });
  });

  function naive(kept: readonly number[], q: number): number {
    if (kept.length < 20) return 2000;
    const value = kept.toSorted((a, b) => a - b)[Math.ceil(q * kept.length) - 1] as number;
    return Math.min(Math.max(value, 5), 2000);
  }

  describe('options', () => {
    const nested = (options: object): unknown => hedge({ delayMs: options as LatencyQuantile });
    const table = optionTable(
      'hedge.delayMs',
      {
        minMs: { kind: 'number', min: 0, max: 600_000 },
        minimumCalls: { kind: 'integer', min: 1, max: 10_000 },
        windowMs: { kind: 'number', min: 1000, max: 3_600_000 },
      },
      { quantile: 0.9, maxMs: 600_000 },
    );
    const required = [
      ...optionTable(
        'hedge.delayMs',
        { quantile: { kind: 'number', min: 0.5, max: 0.999, isRequired: true } },
        { maxMs: 5 },
      ),
      ...optionTable(
        'hedge.delayMs',
        { maxMs: { kind: 'number', min: 0, max: 600_000, isRequired: true } },
        { quantile: 0.9 },
      ),
    ];

    it.each([...table, ...required])('$title', ({ options, expected }) => {
      expect(verdictOn(nested, options)).toBe(expected);
    });

    it('refuse a maxMs below minMs, and parts that they do not know', () => {
      expect(verdictOn(nested, { quantile: 0.9, minMs: 10, maxMs: 9 })).toBe(
        'ConfigError: hedge.delayMs.maxMs must be a number from 10 to 600000, got 9 (INVALID_CONFIG)',
      );
      expect(verdictOn(nested, { quantile: 0.9, maxMs: 9, percentile: 95 })).toContain(
        'TypeError: hedge.delayMs has no option "percentile"',
      );
    });
  });
});
