import {
  Context,
  builtInKinds,
  bulkhead,
  circuitBreaker,
  coalesce,
  configure,
  createRegistry,
  fallback,
  pipeline,
  retry,
  timeout,
} from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';

import { endTelemetry, startTelemetry } from './testing/telemetry-lab.ts';
import { traceCalls } from './trace-calls.ts';

afterEach(endTelemetry);

const never = () => new Promise<never>(() => {});
const traceOfNow = () => trace.getActiveSpan()?.spanContext().traceId;
const nameOfNow = () => (trace.getActiveSpan() as unknown as { readonly name?: string } | undefined)?.name;

function setUp() {
  const lab = startTelemetry();
  const clock = virtualClock();
  const registry = createRegistry({ clock, random: () => 0.5 });
  const request = <T>(name: string, run: () => T): T =>
    lab.provider.getTracer('http').startActiveSpan(name, (span) => {
      const value = run();
      void Promise.resolve(value).finally(() => span.end());
      return value;
    });
  return { lab, clock, registry, request };
}

describe('what a policy runs itself', () => {
  it('span sinks (2): for a call that timed out is put under that call, whoever set the timer that ended it', async () => {
    const { clock, registry, request } = setUp();
    const seen: unknown[] = [];
    const prices = registry.pipeline(
      'prices',
      registry.create(fallback<number>, {
        name: 'prices',
        substitute: () => seen.push([nameOfNow(), traceOfNow()]),
      }),
      registry.create(timeout, { name: 'prices', timeoutMs: 30 }),
    );
    traceCalls({ registry });
    const own: unknown[] = [];
    const calls = ['one', 'two'].map((name) => request(name, () => (own.push(traceOfNow()), prices.execute(never))));
    await clock.advance(100);
    await Promise.all(calls);

    expect(own[0]).not.toBe(own[1]);
    expect(seen).toEqual([
      ['call prices', own[0]],
      ['call prices', own[1]],
    ]);
  });

  it('span sinks (2): for a call that was ended while it waited for its next attempt is put under that call', async () => {
    const { clock, registry, request } = setUp();
    const seen: unknown[] = [];
    const prices = registry.pipeline(
      'prices',
      registry.create(fallback<number>, { name: 'prices', substitute: () => seen.push(traceOfNow()) }),
      registry.create(timeout, { name: 'prices', timeoutMs: 30 }),
      registry.create(retry, { name: 'prices', baseDelayMs: 1000, maxDelayMs: 1000 }),
    );
    traceCalls({ registry });
    const own: unknown[] = [];
    const down = () => Promise.reject(new Error('down'));
    const calls = ['one', 'two'].map((name) => request(name, () => (own.push(traceOfNow()), prices.execute(down))));
    await clock.advance(2000);
    await Promise.all(calls);

    expect(new Set(seen)).toEqual(new Set(own));
    expect(seen).toHaveLength(2);
  });

  it('span layers (3): in the turn of a call that made room is put under the one that waited, and told of that', async () => {
    const { lab, clock, registry, request } = setUp();
    const seen: unknown[] = [];
    const breaker = registry.create(circuitBreaker, { name: 'prices', minimumCalls: 1 });
    const prices = registry.pipeline(
      'prices',
      registry.create(bulkhead, { name: 'prices', maxConcurrent: 1, maxQueued: 5 }),
      registry.create(fallback<number>, { name: 'prices', substitute: () => seen.push(traceOfNow()) }),
      breaker,
    );
    traceCalls({ registry });
    const own: unknown[] = [];
    let finish: () => void = () => {};
    const first = request('one', () => prices.execute(() => new Promise<void>((resolve) => (finish = resolve))));
    const second = request('two', () => (own.push(traceOfNow()), prices.execute(() => 1)));
    await clock.advance(5);
    breaker.hold('open', { owner: 'test', forMs: 1000 });
    finish();
    await Promise.all([first, second]);

    expect(seen).toEqual(own);
    const used = lab.spans().filter(({ events }) => events.some(({ name }) => name === 'holdfast.fallback.used'));
    expect(used.map((span) => span.spanContext().traceId)).toEqual(own);
  });

  it('span layers (3): on the way in is put under the call, as the operation is', async () => {
    const { registry } = setUp();
    const seen: unknown[] = [];
    const keyOf = () => String(seen.push(nameOfNow()));
    const prices = registry.pipeline(
      'prices',
      registry.create(coalesce, { name: 'outer', keyOf }),
      registry.create(retry, { name: 'prices' }),
      registry.create(coalesce, { name: 'inner', keyOf }),
    );
    traceCalls({ registry });

    await prices.execute(() => 1);

    expect(seen).toEqual(['call prices', 'retry prices']);
  });
});

describe('a pipeline that is part of another', () => {
  it('is traced where that is configured, and follows its changes', async () => {
    const { lab, registry } = setUp();
    const configuration = configure(registry, { pipelines: { prices: [{ use: 'retry' }] } }, { kinds: builtInKinds });
    const page = registry.pipeline('page', configuration.pipeline('prices'));
    traceCalls({ registry });
    await page.execute(() => 1);
    configuration.update({ pipelines: { prices: [{ use: 'timeout', timeoutMs: 50 }] } });
    await page.execute(() => 1);

    expect(lab.tree()).toEqual([
      'call page outcome=success',
      '  call prices outcome=success',
      '    retry prices attempt=1 outcome=success',
      'call page outcome=success',
      '  call prices outcome=success',
    ]);
  });

  it('span sinks (1), (2): is traced where only it is, and what is around it belongs to the caller', async () => {
    const { lab, registry, request } = setUp();
    const seen: unknown[] = [];
    const prices = registry.pipeline('prices', registry.create(timeout, { name: 'prices', timeoutMs: 50 }));
    const around = pipeline(fallback({ substitute: () => seen.push(nameOfNow()) }), prices);
    traceCalls({ registry });

    await request('GET', () => around.execute(() => Promise.reject(new Error('down'))));
    await settle();

    expect(seen).toEqual(['GET']);
    expect(lab.tree().filter((line) => !line.includes('*'))).toEqual([
      'GET',
      '  call prices outcome=failure error.type=Error',
    ]);
  });
});

describe('an error', () => {
  it('open span (3): that goes outward through calls within calls is recorded once, on the innermost', async () => {
    const { lab, registry } = setUp();
    const inner = registry.pipeline('inner', registry.create(retry, { name: 'inner', maxAttempts: 1 }));
    const outer = registry.pipeline('outer', registry.create(retry, { name: 'outer', maxAttempts: 1 }));
    traceCalls({ registry });
    const down = () => Promise.reject(new Error('down'));

    await outer.execute((context) => inner.execute(down, context), Context.background).catch(() => {});

    const recorded = lab.spans().filter(({ events }) => events.some(({ name }) => name === 'exception'));
    expect(recorded.map(({ name }) => name)).toEqual(['retry inner']);
    expect(lab.spans().map(({ attributes }) => attributes['error.type'])).toEqual(['Error', 'Error', 'Error', 'Error']);
  });
});
