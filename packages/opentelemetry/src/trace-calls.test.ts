import {
  Context,
  type Policy,
  builtInKinds,
  bulkhead,
  configure,
  contextKey,
  createRegistry,
  fallback,
  hedge,
  onHookError,
  rateLimiter,
  retry,
} from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import {
  type Context as OtelContext,
  type ContextManager,
  ROOT_CONTEXT,
  context as otel,
  propagation,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AlwaysOffSampler, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it } from 'vitest';

import { captureTraceContext } from './capture-trace-context.ts';
import { endTelemetry, startTelemetry } from './testing/telemetry-lab.ts';
import { type CarriedTrace, traceCalls } from './trace-calls.ts';

const traceContext = contextKey<CarriedTrace>('trace');

afterEach(endTelemetry);

/** A context manager that notes what it is asked. */
class NotingManager implements ContextManager {
  readonly #asked: string[];

  constructor(asked: string[]) {
    this.#asked = asked;
  }

  active(): OtelContext {
    this.#asked.push('active');
    return ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    _context: OtelContext,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    this.#asked.push('with');
    return fn.apply(thisArg, args);
  }

  bind<T>(_context: OtelContext, target: T): T {
    return target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    return this;
  }
}

class BrokenManager extends NotingManager {
  override with(): never {
    throw new Error('manager');
  }
}

const nameOfActive = () => (trace.getActiveSpan() as unknown as { readonly name?: string } | undefined)?.name ?? 'none';

function registryOf(clock = virtualClock()) {
  return { clock, registry: createRegistry({ clock, random: () => 0.5 }) };
}

describe('the active context', () => {
  it('span layers (3): of an operation is its attempt, also after it awaited, and that of the caller is as before', async () => {
    const lab = startTelemetry();
    const { registry } = registryOf();
    const prices = registry.pipeline('prices', registry.create(retry, { name: 'prices' }));
    traceCalls({ registry });

    await prices.execute(async () => {
      const child = lab.provider.getTracer('http').startSpan('GET');
      await Promise.resolve();
      lab.provider.getTracer('pg').startSpan('SELECT').end();
      child.end();
    });

    expect(nameOfActive()).toBe('none');
    expect(lab.tree()).toEqual([
      'call prices outcome=success',
      '  retry prices attempt=1 outcome=success',
      '    GET',
      '    SELECT',
    ]);
  });

  it.each(['bulkhead', 'rate-limiter'] as const)(
    'span layers (3): is that of the call for what waited in a %s',
    async (kind) => {
      const lab = startTelemetry();
      const { registry, clock } = registryOf();
      const limit =
        kind === 'bulkhead'
          ? registry.create(bulkhead, { name: 'one', maxConcurrent: 1, maxQueued: 5 })
          : registry.create(rateLimiter, {
              name: 'one',
              maxPerInterval: 1,
              intervalMs: 100,
              maxBurst: 1,
              maxQueued: 5,
            });
      const prices = registry.pipeline('prices', limit);
      traceCalls({ registry });
      const tracer = lab.provider.getTracer('test');
      const key = Symbol('tenant');
      const seen: unknown[] = [];
      const call = (tenant: string): Promise<void> =>
        tracer.startActiveSpan(`request ${tenant}`, (span) =>
          otel.with(otel.active().setValue(key, tenant), () =>
            prices
              .execute(async () => {
                seen.push([otel.active().getValue(key), nameOfActive(), trace.getActiveSpan()?.spanContext().traceId]);
                await settle();
              })
              .then(() => span.end()),
          ),
        );
      const calls = Promise.all([call('ada'), call('bob')]);
      await clock.advance(1000);
      await settle();
      await calls;

      const traceOf = (name: string) =>
        lab
          .spans()
          .find((span) => span.name === name)
          ?.spanContext().traceId;
      expect(seen).toEqual([
        ['ada', 'call prices', traceOf('request ada')],
        ['bob', 'call prices', traceOf('request bob')],
      ]);
      const waits = lab.tree().filter((line) => line.includes('holdfast.waited'));
      expect(waits).toHaveLength(1);
      expect(waits[0]).toContain('wait.admitted=true');
    },
  );

  it('of the function of a fallback is the call, not the attempt that has ended', async () => {
    startTelemetry();
    const { registry } = registryOf();
    const seen: string[] = [];
    const prices = registry.pipeline(
      'prices',
      registry.create(fallback<number>, { name: 'prices', substitute: () => seen.push(nameOfActive()) }),
      registry.create(retry, { name: 'prices', maxAttempts: 1 }),
    );
    traceCalls({ registry });

    await prices.execute(() => Promise.reject(new Error('down')));

    expect(seen).toEqual(['call prices']);
  });

  it('is kept by captureTraceContext for what is not traced', async () => {
    startTelemetry();
    const registry = createRegistry({ captureAsyncContext: captureTraceContext });
    const one = registry.create(bulkhead, { name: 'one', maxConcurrent: 1, maxQueued: 5 });
    const key = Symbol('tenant');
    const seen: unknown[] = [];
    const call = (tenant: string) =>
      otel.with(otel.active().setValue(key, tenant), () =>
        one.execute(async () => {
          await settle();
          seen.push(otel.active().getValue(key));
        }),
      );

    await Promise.all([call('ada'), call('bob')]);

    expect(seen).toEqual(['ada', 'bob']);
  });
});

describe('the parent of a call', () => {
  it('is the active span, else the trace that its context carries; headers get the attempt', async () => {
    const lab = startTelemetry();
    const { registry } = registryOf();
    const prices = registry.pipeline('prices', registry.create(retry, { name: 'prices' }));
    traceCalls({ registry, traceKey: traceContext });
    const carried = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isSampled: true, state: 'vendor=1' };
    const context = Context.background.withValue(traceContext, carried);

    const outbound = await prices.execute((own) => own.value(traceContext), context);
    const [attempt, call] = lab.spans();
    expect(call?.parentSpanContext).toMatchObject({ traceId: carried.traceId, spanId: carried.spanId, isRemote: true });
    expect(outbound).toEqual({
      traceId: carried.traceId,
      spanId: attempt?.spanContext().spanId,
      isSampled: true,
      state: 'vendor=1',
    });

    await lab.provider.getTracer('test').startActiveSpan('request', async (span) => {
      await prices.execute(() => 1, context);
      span.end();
    });
    const request = lab.spans().find(({ name }) => name === 'request');
    expect(lab.spans()[3]?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);

    const bad = Context.background.withValue(traceContext, { traceId: 'x', spanId: 'y', isSampled: true });
    expect(await prices.execute(() => 1, bad)).toBe(1);
    expect(lab.spans().at(-1)?.parentSpanContext).toBeUndefined();
  });

  it('parent context (1): is the attempt whose context was handed on, where the turn is of another trace', async () => {
    const lab = startTelemetry();
    const { registry } = registryOf();
    const outer = registry.pipeline('outer', registry.create(retry, { name: 'outer' }));
    const inner = registry.pipeline('inner');
    traceCalls({ registry });
    const foreign = lab.provider.getTracer('test').startSpan('foreign');

    await outer.execute((context) =>
      otel.with(trace.setSpan(otel.active(), foreign), () => inner.execute(() => 1, context)),
    );

    foreign.end();
    expect(lab.tree()).toEqual([
      'foreign',
      'call outer outcome=success',
      '  retry outer attempt=1 outcome=success',
      '    call inner outcome=success',
    ]);
  });

  it('parent context (2): gives its baggage to contexts by name, and over no value that is there', async () => {
    startTelemetry();
    const { registry } = registryOf();
    const prices = registry.pipeline('prices');
    const [tenant, region] = [contextKey<string>('tenant'), contextKey<string>('region')];
    traceCalls({ registry, baggage: { tenant, region } });
    const baggage = propagation.createBaggage({
      tenant: { value: 'ada' },
      region: { value: 'eu' },
      secret: { value: 'x' },
    });

    const seen = await otel.with(propagation.setBaggage(otel.active(), baggage), () =>
      prices.execute(
        (context) => [context.value(tenant), context.value(region)],
        Context.background.withValue(region, 'us'),
      ),
    );

    expect(seen).toEqual(['ada', 'us']);
  });
});

describe('without somebody who looks', () => {
  it('trace calls (1), tracer source (1), policy events (1): nothing is made: no span, no active context, no event, and the context is that of the caller', async () => {
    const { registry } = registryOf();
    const asked: string[] = [];
    const prices = registry.pipeline(
      'prices',
      registry.create(retry, { name: 'prices', maxAttempts: 2, baseDelayMs: 0 }),
      registry.create(hedge, { name: 'prices', delayMs: 50 }),
      registry.create(bulkhead, { name: 'prices' }),
    );
    traceCalls({ registry });
    otel.setGlobalContextManager(new NotingManager(asked));

    expect(await prices.execute(() => 1)).toBe(1);

    expect(asked).toEqual([]);
    expect(registry.events.active).toBe(false);
  });

  it('starts with the SDK that is registered later, and ends with it', async () => {
    const { registry } = registryOf();
    const prices = registry.pipeline('prices');
    traceCalls({ registry });
    await prices.execute(() => 1);
    const lab = startTelemetry();
    await prices.execute(() => 1);
    expect(lab.startedCount).toBe(1);

    endTelemetry();
    await prices.execute(() => 1);

    expect(lab.startedCount).toBe(1);
  });

  it('span layers (2): a call that is not sampled has no spans inside, and what is inside knows', async () => {
    const lab = startTelemetry({ sampler: new AlwaysOffSampler() });
    const { registry } = registryOf();
    const prices = registry.pipeline('prices', registry.create(retry, { name: 'prices' }));
    traceCalls({ registry });

    const flags = await prices.execute(() => trace.getActiveSpan()?.spanContext().traceFlags);

    expect(flags).toBe(0);
    expect(lab.startedCount).toBe(0);
  });
});

describe('an SDK that throws', () => {
  it('trace calls (2), open span (2), tracer source (2) and tracer source (3): changes nothing for the call, and is reported', async () => {
    const reported = new Set<string>();
    const before = onHookError((error) => reported.add(error.hook));
    const broken = (): never => {
      throw new Error('exporter');
    };
    const processor: SpanProcessor = {
      onStart: () => {},
      onEnd: broken,
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    };
    startTelemetry({ processors: [processor] });
    const { registry } = registryOf();
    const prices = registry.pipeline('prices', registry.create(retry, { name: 'prices', maxAttempts: 1 }));
    const tracing = traceCalls({ registry });

    expect(await prices.execute(() => 1)).toBe(1);
    tracing.close();
    const tracerProvider = { getTracer: () => ({ startSpan: broken, startActiveSpan: broken }) } as never;
    const other = traceCalls({ registry, tracerProvider });
    expect(await prices.execute(() => 2)).toBe(2);
    other.close();
    traceCalls({ registry, tracerProvider: { getTracer: broken } });
    expect(await prices.execute(() => 3)).toBe(3);

    onHookError(before);
    expect([...reported].toSorted()).toEqual([
      'opentelemetry.end',
      'opentelemetry.getTracer',
      'opentelemetry.startSpan',
    ]);
  });

  it('trace calls (2): where it is asked for the active context, or for what a span is, changes nothing for the call', async () => {
    const reported: string[] = [];
    const before = onHookError((error) => reported.push(error.hook));
    const broken = (): never => {
      throw new Error('manager');
    };
    const lab = startTelemetry();
    const { registry } = registryOf();
    const prices = registry.pipeline('prices', registry.create(retry, { name: 'prices', maxAttempts: 1 }));
    const tracing = traceCalls({ registry });
    otel.disable();
    otel.setGlobalContextManager(Object.assign(new NotingManager([]), { active: broken, with: broken }));
    expect(await prices.execute(() => 1)).toBe(1);
    tracing.close();
    otel.disable();

    const span = { isRecording: () => true, spanContext: broken, setAttribute: broken, setStatus: broken, end: broken };
    const tracerProvider = { getTracer: () => ({ startSpan: () => span }) } as never;
    traceCalls({ registry, tracerProvider, traceKey: traceContext });
    expect(await prices.execute(() => 2)).toBe(2);
    await expect(prices.execute(() => Promise.reject(new TypeError('bad')))).rejects.toThrow('bad');

    onHookError(before);
    expect(lab.startedCount).toBeLessThan(3);
    expect(new Set(reported)).toEqual(
      new Set(['opentelemetry.context', 'opentelemetry.setAttributes', 'opentelemetry.addEvent', 'opentelemetry.end']),
    );
  });

  it('running in (1): in its context manager runs the operation once', async () => {
    const before = onHookError(() => {});
    const lab = startTelemetry();
    otel.disable();
    otel.setGlobalContextManager(new BrokenManager([]));
    const { registry } = registryOf();
    const prices = registry.pipeline('prices');
    traceCalls({ registry });
    let runs = 0;

    expect(await prices.execute(() => ++runs)).toBe(1);

    onHookError(before);
    expect(lab.startedCount).toBe(1);
  });
});

describe('spans', () => {
  it('open span (3): an error is recorded once, on the innermost span that it ended', async () => {
    const lab = startTelemetry();
    const { registry } = registryOf();
    const prices = registry.pipeline('prices', registry.create(retry, { name: 'prices', maxAttempts: 1 }));
    traceCalls({ registry });
    await prices.execute(() => Promise.reject(new TypeError('down'))).catch(() => {});

    expect(
      lab.spans().map(({ name, events }) => [name, events.filter((event) => event.name === 'exception').length]),
    ).toEqual([
      ['retry prices', 1],
      ['call prices', 0],
    ]);
    expect(lab.spans().map(({ attributes, status }) => [attributes['error.type'], status.code])).toEqual([
      ['TypeError', SpanStatusCode.ERROR],
      ['TypeError', SpanStatusCode.ERROR],
    ]);
  });

  it('open span (4): a call that was cancelled has no error', async () => {
    const lab = startTelemetry();
    const { registry } = registryOf();
    const prices = registry.pipeline('prices', registry.create(retry, { name: 'prices' }));
    traceCalls({ registry });
    const context = Context.background.withCancel();
    const call = prices.execute(() => new Promise(() => {}), context).catch(() => {});
    context.cancel();
    await call;

    expect(lab.spans().map(({ status }) => status.code)).toEqual([SpanStatusCode.UNSET, SpanStatusCode.UNSET]);
    expect(lab.spans().map(({ attributes }) => attributes['error.type'])).toEqual([undefined, undefined]);
  });

  it('open span (1): what a policy begins after its call has ended has none, and nothing stays open', async () => {
    const lab = startTelemetry();
    const { registry, clock } = registryOf();
    const impatient: Policy = {
      execute: (operation, context = Context.background) =>
        Promise.race([Promise.resolve(operation(context)), Promise.reject(new Error('impatient'))]),
    };
    const copies = registry.create(hedge, { name: 'prices', delayMs: 50, maxHedgeRatio: 1, maxAttempts: 3 });
    const prices = registry.pipeline('prices', impatient, copies);
    traceCalls({ registry });
    let runs = 0;
    const call = prices.execute(() => new Promise(() => (runs += 1)));
    await expect(call).rejects.toThrow('impatient');
    await clock.advance(200);

    expect(runs).toBe(3);
    expect(lab.tree().filter((line) => !line.includes('*'))).toEqual([
      'call prices outcome=failure error.type=Error',
      '  hedge prices attempt=1 outcome=abandoned',
    ]);
    expect(lab.startedCount).toBe(2);
  });

  it('follow the policies of a configured pipeline when they change', async () => {
    const lab = startTelemetry();
    const { registry } = registryOf();
    const first = { pipelines: { prices: [{ use: 'timeout', timeoutMs: 100 }] } };
    const configuration = configure(registry, first, { kinds: builtInKinds });
    traceCalls({ registry });
    const prices = configuration.pipeline('prices');
    configuration.update({ pipelines: { prices: [{ use: 'retry' }, { use: 'timeout', timeoutMs: 100 }] } });
    await prices.execute(() => 1);

    expect(lab.tree()).toEqual(['call prices outcome=success', '  retry prices attempt=1 outcome=success']);
  });

  it('trace calls (4): go with close; calls under way keep theirs', async () => {
    const lab = startTelemetry();
    const { registry } = registryOf();
    const prices = registry.pipeline('prices');
    const tracing = traceCalls({ registry });
    let finish: (value: number) => void = () => {};
    const early = prices.execute(() => new Promise<number>((resolve) => (finish = resolve)));
    tracing.close();
    await prices.execute(() => 1);
    finish(1);
    await early;

    expect(lab.spans().map(({ name }) => name)).toEqual(['call prices']);
    expect(registry.events.active).toBe(false);
  });
});
