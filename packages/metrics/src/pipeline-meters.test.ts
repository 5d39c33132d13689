import { createRegistry, pipeline, timeout } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { resolveSources } from './metric-sources.ts';
import { LineRegister, lineExporter } from './testing/line-exporter.ts';

const after = (clock: ReturnType<typeof virtualClock>, ms: number) => () =>
  new Promise<void>((resolve) => void clock.setTimer(resolve, ms));

async function durationLines(register: LineRegister, part = 'call_duration_seconds'): Promise<string[]> {
  return (await register.metrics()).split('\n').filter((line) => line.startsWith(`holdfast_${part}`));
}

describe('pipeline meters', () => {
  it('charter K6: shows how long calls took, in the buckets that were asked for', async () => {
    const clock = virtualClock();
    const [registry, register] = [createRegistry({ clock }), new LineRegister()];
    lineExporter({ register, registry, durationBoundsMs: [10, 100] });
    const prices = registry.pipeline('prices', registry.create(timeout, { name: 'prices', timeoutMs: 500 }));
    for (const ms of [10, 50, 400, 900]) void prices.execute(after(clock, ms)).catch(() => {});
    await clock.advance(1000);

    expect(await durationLines(register, 'call_duration_seconds_bucket{name="prices",outcome="success"')).toEqual([
      'holdfast_call_duration_seconds_bucket{name="prices",outcome="success",le="0.01"} 1',
      'holdfast_call_duration_seconds_bucket{name="prices",outcome="success",le="0.1"} 2',
      'holdfast_call_duration_seconds_bucket{name="prices",outcome="success",le="+Inf"} 3',
    ]);
    expect(await durationLines(register, 'call_duration_seconds_sum{name="prices",outcome="failure"}')).toEqual([
      'holdfast_call_duration_seconds_sum{name="prices",outcome="failure"} 0.5',
    ]);
  });

  it('charter K7: as many calls are in the buckets as have ended', async () => {
    const [registry, register] = [createRegistry(), new LineRegister()];
    const prices = registry.pipeline('prices');
    lineExporter({ register, registry });
    for (let round = 0; round < 3; round++) {
      for (let call = 0; call < 900; call++) await prices.execute(() => call);
      const [line] = await durationLines(register, 'call_duration_seconds_count{name="prices",outcome="success"}');
      expect(Number(line?.split(' ').at(-1))).toBe(prices.calls.success);
    }
  });

  it('(1) measures from the first exporter to the last, and every pipeline while it is in the registry', async () => {
    const clock = virtualClock();
    const [registry, register, other] = [createRegistry({ clock }), new LineRegister(), new LineRegister()];
    let looks = 0;
    const counting = {
      now: () => (looks++, clock.now()),
      setTimer: (callback: () => void, delayMs: number) => clock.setTimer(callback, delayMs),
      defer: (callback: () => void) => void clock.setTimer(callback, 0),
    };
    const prices = registry.add(pipeline({ name: 'prices' }, timeout({ timeoutMs: 100, clock: counting })));
    const looksOf = async () => {
      looks = 0;
      await prices.execute(() => 1);
      return looks;
    };
    const without = await looksOf();
    const exporters = [
      lineExporter({ register, registry }),
      lineExporter({ register, registry }),
      lineExporter({ register: other, registry }),
    ];
    expect(await looksOf()).toBeGreaterThan(without);
    registry.remove(prices);
    expect(await looksOf()).toBe(without);
    expect(await durationLines(register, 'call_duration_seconds_bucket')).toEqual([]);
    registry.add(prices);
    expect(await looksOf()).toBeGreaterThan(without);
    for (const exporter of exporters) exporter.close();

    expect(await looksOf()).toBe(without);
  });

  it('measures nothing without bounds', async () => {
    const [registry, register] = [createRegistry(), new LineRegister()];
    const prices = registry.pipeline('prices');
    lineExporter({ register, registry, durationBoundsMs: [] });
    await prices.execute(() => 1);

    expect(await durationLines(register)).toEqual([]);
    expect(await durationLines(register, 'calls_total{name="prices",outcome="success"}')).toHaveLength(1);
  });

  it('(2) counts a call of a pipeline that is in two registries once, until it has left both', async () => {
    const [one, other, register] = [createRegistry(), createRegistry(), new LineRegister()];
    const prices = other.add(one.pipeline('prices'));
    const told: string[] = [];
    const meterOf = (name: string) => ({
      record: () => void told.push(name),
      close: () => void told.push('closed'),
    });
    const subscriptions = [one, other].map((registry) => {
      const { sources } = resolveSources('lines', { registry }, { defaults: {}, names: [] });
      return register.reader.add(sources, { boundsMs: [10], meterOf });
    });
    await prices.execute(() => 1);
    expect(told).toEqual(['prices']);
    one.remove(prices);
    await prices.execute(() => 1);
    expect(told).toEqual(['prices', 'prices']);
    for (const subscription of subscriptions) subscription.close();
    await prices.execute(() => 1);

    expect(told).toEqual(['prices', 'prices', 'closed']);
  });

  it('(3) adds up durations of two registries in the same buckets, those of the first exporter', async () => {
    const [registry, other, register] = [createRegistry(), createRegistry(), new LineRegister()];
    lineExporter({ register, registry, durationBoundsMs: [60_000, 120_000] });
    lineExporter({ register, registry: other, durationBoundsMs: [90_000] });
    for (const each of [registry, other]) await each.pipeline('prices').execute(() => 1);

    expect(await durationLines(register, 'call_duration_seconds_bucket{name="prices",outcome="success"')).toEqual([
      'holdfast_call_duration_seconds_bucket{name="prices",outcome="success",le="60"} 2',
      'holdfast_call_duration_seconds_bucket{name="prices",outcome="success",le="120"} 2',
      'holdfast_call_duration_seconds_bucket{name="prices",outcome="success",le="+Inf"} 2',
    ]);
  });

  it('(3) takes the buckets of the next exporter when the last has gone', async () => {
    const [registry, register] = [createRegistry(), new LineRegister()];
    registry.pipeline('prices');
    lineExporter({ register, registry, durationBoundsMs: [60_000] }).close();
    lineExporter({ register, registry, durationBoundsMs: [90_000] });

    expect(await durationLines(register, 'call_duration_seconds_bucket{name="prices",outcome="success"')).toEqual([
      'holdfast_call_duration_seconds_bucket{name="prices",outcome="success",le="90"} 0',
      'holdfast_call_duration_seconds_bucket{name="prices",outcome="success",le="+Inf"} 0',
    ]);
  });
});
