import { readFileSync } from 'node:fs';

import {
  CancelledError,
  Context,
  bulkhead,
  circuitBreaker,
  createRegistry,
  fallback,
  hedge,
  retry,
  timeout,
} from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { traceCalls } from '@holdfast/opentelemetry';
import { SpanStatusCode } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { endTelemetry, startTelemetry } from '../../packages/opentelemetry/src/testing/telemetry-lab.ts';

afterEach(endTelemetry);

const never = () => new Promise<number>(() => {});

function setUp() {
  const lab = startTelemetry();
  const clock = virtualClock();
  const registry = createRegistry({ clock, random: () => 0.5 });
  return { lab, clock, registry };
}

/** The first block of text in the page that begins with that line. */
function documentedTree(firstLine: string): string[] {
  const page = readFileSync(inRepository('docs/packages/opentelemetry.md'), 'utf8');
  const block = page.split('```').find((part) => part.startsWith(`text\n${firstLine}`));
  return (block ?? '').trim().split('\n').slice(1);
}

describe('spans', () => {
  it('of a retried and hedged call that waited in a queue are the documented tree', async () => {
    const { lab, clock, registry } = setUp();
    const places = registry.create(bulkhead, { name: 'prices', maxConcurrent: 2, maxQueued: 5 });
    const prices = registry.pipeline(
      'prices',
      registry.create(retry, { name: 'prices', baseDelayMs: 100 }),
      registry.create(hedge, { name: 'prices', delayMs: 50, maxHedgeRatio: 1 }),
      places,
    );
    const permits = [places.tryAcquire(), places.tryAcquire()];
    traceCalls({ registry });
    let runs = 0;

    const price = prices.execute(async () => {
      runs += 1;
      if (runs === 1) throw new Error('down');
      return runs === 2 ? never() : 42;
    });
    await settle();
    await clock.advance(20);
    for (const permit of permits) permit?.release();
    await clock.advance(200);
    expect(await price).toBe(42);

    expect(lab.tree()).toEqual(documentedTree('call prices'));
    expect(lab.spans().map(({ status }) => status.code)).toEqual(
      lab
        .spans()
        .map(({ name, attributes }) =>
          attributes['holdfast.outcome'] === 'failure' && name !== 'call prices'
            ? SpanStatusCode.ERROR
            : SpanStatusCode.UNSET,
        ),
    );
    expect(lab.spans()).toHaveLength(lab.startedCount);
  });

  it('of a call without attempts is one, with the refusal that ended it', async () => {
    const { lab, registry } = setUp();
    const orders = registry.pipeline('orders', registry.create(bulkhead, { name: 'orders', maxConcurrent: 1 }));
    traceCalls({ registry });
    const running = orders.execute(never, Context.background.withCancel());
    void running.catch(() => {});

    await expect(orders.execute(() => 1)).rejects.toMatchObject({ code: 'BULKHEAD_FULL' });

    expect(lab.tree()).toEqual([
      'call orders outcome=rejected error.type=BULKHEAD_FULL reason=queue-full',
      '  * exception exception.type=BULKHEAD_FULL exception.message=' + lab.spans()[0]?.status.message,
    ]);
    expect(lab.spans()[0]?.status.code).toBe(SpanStatusCode.ERROR);
  });

  it('has the changes of circuits, and what a fallback did, as events of the call', async () => {
    const { lab, registry } = setUp();
    const prices = registry.pipeline(
      'prices',
      registry.create(fallback<number>, { name: 'prices', value: 0 }),
      registry.create(circuitBreaker, { name: 'prices', minimumCalls: 1, openForMs: 1000 }),
    );
    traceCalls({ registry });

    expect(await prices.execute(() => Promise.reject(new TypeError('bad')))).toBe(0);

    const [line, ...events] = lab.tree();
    expect(line).toBe('call prices outcome=success');
    expect(events.map((event) => event.trim().split(' ')[1])).toEqual([
      'holdfast.circuit-breaker.transitioned',
      'holdfast.fallback.used',
    ]);
    expect(events[0]).toContain('from=closed to=open');
    expect(events[1]).toContain('error.type=TypeError');
  });

  it('of a cancelled call is ended then, and is no error', async () => {
    const { lab, registry } = setUp();
    const slow = registry.pipeline('slow', registry.create(retry, { name: 'slow' }));
    traceCalls({ registry });
    const context = Context.background.withCancel();
    const call = slow.execute(never, context);
    context.cancel();

    await expect(call).rejects.toBeInstanceOf(CancelledError);

    expect(lab.tree().filter((line) => !line.includes('*'))).toEqual([
      'call slow outcome=cancelled',
      '  retry slow attempt=1 outcome=cancelled',
    ]);
    expect(lab.spans().map(({ status }) => status.code)).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
  });

  it('of a call that timed out says so, while the operation goes on', async () => {
    const { lab, clock, registry } = setUp();
    const slow = registry.pipeline('slow', registry.create(timeout, { name: 'slow', timeoutMs: 30 }));
    traceCalls({ registry });
    const call = slow.execute(never);
    void call.catch(() => {});
    await clock.advance(30);

    await expect(call).rejects.toMatchObject({ code: 'TIMEOUT' });

    expect(lab.tree()[0]).toBe('call slow outcome=failure error.type=TIMEOUT');
  });

  it('of a pipeline that is part of another is a child of the call, or of the attempt', async () => {
    const { lab, registry } = setUp();
    const inner = registry.pipeline('inner', registry.create(retry, { name: 'inner', maxAttempts: 2, baseDelayMs: 0 }));
    const outer = registry.pipeline('outer', registry.create(timeout, { name: 'outer', timeoutMs: 500 }), inner);
    traceCalls({ registry });

    await outer.execute(() => 1);

    expect(lab.tree()).toEqual([
      'call outer outcome=success',
      '  call inner outcome=success',
      '    retry inner attempt=1 outcome=success',
    ]);
  });

  it('are made of pipelines that come later, and no more of those that have gone or after close', async () => {
    const { lab, registry } = setUp();
    const tracing = traceCalls({ registry });
    expect(() => traceCalls({ registry })).toThrow('traced already');
    const one = registry.pipeline('one');
    await one.execute(() => 1);
    expect(lab.startedCount).toBe(1);

    registry.remove(one);
    await one.execute(() => 1);
    const two = registry.pipeline('two');
    tracing.close();
    tracing.close();
    await two.execute(() => 1);

    expect(lab.startedCount).toBe(1);
    expect(registry.events.active).toBe(false);
    traceCalls({ registry }).close();
  });

  it('need options that are what they must be', () => {
    const { registry } = setUp();
    const trace = traceCalls as (options: object) => unknown;
    expect(() => trace({})).toThrow('traceCalls.registry must be a Registry');
    expect(() => trace({ registry, tracerProvider: {} })).toThrow('traceCalls.tracerProvider');
    expect(() => trace({ registry, traceKey: 'trace' })).toThrow('traceCalls.traceKey');
    expect(() => trace({ registry, baggage: { tenant: 'tenant' } })).toThrow('traceCalls.baggage');
    expect(() => trace({ registry, tracer: 1 })).toThrow('tracer');
  });
});
