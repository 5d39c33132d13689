import { contextKey, createRegistry } from '@holdfast/core';
import { context as otel, propagation, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';

import { endTelemetry, startTelemetry } from './testing/telemetry-lab.ts';
import { traceCalls } from './trace-calls.ts';

afterEach(endTelemetry);

function registryOf() {
  return { registry: createRegistry() };
}

describe('an SDK', () => {
  it('tracer source (4): that comes is found by the next call, and one of another copy of the API a few calls later', async () => {
    const { registry } = registryOf();
    const prices = registry.pipeline('prices');
    traceCalls({ registry });
    const callOften = async (times: number): Promise<void> => {
      for (let call = 0; call < times; call++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await prices.execute(() => 1);
      }
    };
    await callOften(3);
    const lab = startTelemetry();
    await callOften(1);
    expect(lab.startedCount).toBe(1);
    endTelemetry();
    await callOften(1);
    expect(lab.startedCount).toBe(1);

    const meeting = (globalThis as Record<symbol, { trace?: unknown } | undefined>)[
      Symbol.for('opentelemetry.js.api.1')
    ];
    (meeting as { trace?: unknown }).trace = lab.provider;
    await callOften(16);
    expect(lab.startedCount).toBeLessThan(17);
    await callOften(1);
    const found = lab.startedCount;
    await callOften(10);
    expect(lab.startedCount).toBe(found + 10);
  });

  it('of which there is none keeps no baggage from being taken over', async () => {
    const { registry } = registryOf();
    const prices = registry.pipeline('prices');
    const tenant = contextKey<string>('tenant');
    traceCalls({ registry, baggage: { tenant } });
    startTelemetry();
    trace.disable();
    const baggage = propagation.createBaggage({ tenant: { value: 'ada' } });

    const seen = await otel.with(propagation.setBaggage(otel.active(), baggage), () =>
      prices.execute((context) => context.value(tenant)),
    );

    expect(seen).toBe('ada');
    expect(await prices.execute((context) => context.value(tenant))).toBeUndefined();
  });
});
