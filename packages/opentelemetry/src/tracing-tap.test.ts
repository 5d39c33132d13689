import {
  Context,
  type PipelineOptions,
  type Policy,
  bulkhead,
  circuitBreaker,
  contextKey,
  createRegistry,
  hedge,
  keyed,
  onHookError,
  pipeline,
  retry,
} from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { endTelemetry, startTelemetry } from './testing/telemetry-lab.ts';
import { traceCalls } from './trace-calls.ts';

afterEach(endTelemetry);

const tenant = contextKey<string>('tenant');
const of = (key: string) => Context.background.withValue(tenant, key);
const keyOf = (context: Context): string => context.value(tenant) ?? '';
const down = (): never => {
  throw new Error('down');
};

function setUp() {
  const lab = startTelemetry();
  const clock = virtualClock();
  const registry = createRegistry({ clock, random: () => 0.5 });
  const { events } = registry;
  const client = (_key: string, name: string) =>
    pipeline(
      { name },
      retry({ name, maxAttempts: 2, baseDelayMs: 0, clock, events }),
      circuitBreaker({ name, minimumCalls: 1, clock, events }),
    );
  return { lab, clock, registry, client };
}

/** The spans as a tree, without their events. */
function spansOf(lab: ReturnType<typeof startTelemetry>): string[] {
  return lab.tree().filter((line) => !line.includes('*'));
}

/** All that is told of spans, as one text. */
function toldOf(lab: ReturnType<typeof startTelemetry>): string {
  return JSON.stringify(
    lab.spans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
  );
}

describe('calls through a keyed policy', () => {
  it('of the registry are traced as those of a pipeline, and show no key', async () => {
    const { lab, clock, registry, client } = setUp();
    const tenants = registry.create(keyed<ReturnType<typeof client>>, { name: 'tenants', keyOf, make: client });
    traceCalls({ registry });

    await tenants.execute(() => 1, of('ada'));
    const failing = tenants.execute(down, of('bob')).catch(() => {});
    await clock.advance(1);
    await failing;
    await tenants.execute(() => 1, of('bob')).catch(() => {});

    expect(spansOf(lab)).toEqual([
      'call tenants outcome=success',
      '  retry tenants attempt=1 outcome=success',
      'call tenants outcome=rejected error.type=CIRCUIT_OPEN reason=open',
      '  retry tenants attempt=1 outcome=failure error.type=Error',
      '  retry tenants attempt=2 outcome=rejected error.type=CIRCUIT_OPEN reason=open',
      'call tenants outcome=rejected error.type=CIRCUIT_OPEN reason=open',
      '  retry tenants attempt=1 outcome=rejected error.type=CIRCUIT_OPEN reason=open',
    ]);
    const call = lab.spans().find(({ name }) => name === 'call tenants');
    expect(call?.attributes).toMatchObject({ 'holdfast.policy': 'keyed', 'holdfast.name': 'tenants' });
    expect(toldOf(lab)).toContain('circuit-breaker.transitioned');
    expect(toldOf(lab)).toContain('tenants');
    expect(toldOf(lab)).not.toMatch(/ada|bob/);
  });

  it('show of the key what keyAttribute says, asked once for each member', async () => {
    const { lab, registry, client } = setUp();
    const tenants = registry.create(keyed<ReturnType<typeof client>>, { name: 'tenants', keyOf, make: client });
    const asked: string[] = [];
    traceCalls({
      registry,
      keyAttribute: (key, name) => (asked.push(`${name} ${key}`), key === 'ada' ? key.toUpperCase() : undefined),
    });
    for (const key of ['ada', 'ada', 'bob']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await tenants.execute(() => 1, of(key));
    }

    expect(lab.spans().map(({ name, attributes }) => [name, attributes['holdfast.key']])).toEqual([
      ['retry tenants', 'ADA'],
      ['call tenants', 'ADA'],
      ['retry tenants', 'ADA'],
      ['call tenants', 'ADA'],
      ['retry tenants', undefined],
      ['call tenants', undefined],
    ]);
    expect(new Set(asked)).toEqual(new Set(['tenants __other__', 'tenants ada', 'tenants bob']));
  });

  it('have no key, and are reported, where keyAttribute throws', async () => {
    const { lab, registry, client } = setUp();
    const reported: string[] = [];
    const before = onHookError((error) => reported.push(`${error.hook} ${String(error.policy)}`));
    const tenants = registry.create(keyed<ReturnType<typeof client>>, { name: 'tenants', keyOf, make: client });
    traceCalls({ registry, keyAttribute: down });

    expect(await tenants.execute(() => 1, of('ada'))).toBe(1);

    onHookError(before);
    expect(new Set(reported)).toEqual(new Set(['keyAttribute tenants']));
    expect(lab.spans().map(({ attributes }) => attributes['holdfast.key'])).toEqual([undefined, undefined]);
  });

  it('in a pipeline are spans within, once, although the keyed policy is in the registry as well', async () => {
    const { lab, registry, client } = setUp();
    const tenants = registry.create(keyed<ReturnType<typeof client>>, { name: 'tenants', keyOf, make: client });
    const api = registry.pipeline('api', registry.create(retry, { name: 'api' }), tenants);
    traceCalls({ registry, keyAttribute: (key) => key });

    await api.execute(() => 1, of('ada'));

    expect(spansOf(lab)).toEqual([
      'call api outcome=success',
      '  retry api attempt=1 outcome=success',
      '    call tenants key=ada outcome=success',
      '      retry tenants key=ada attempt=1 outcome=success',
    ]);
  });

  it('show attempts and waits of members that are no pipelines', async () => {
    const { lab, clock, registry } = setUp();
    const limits = keyed({
      name: 'limits',
      keyOf,
      make: (_key, name) => bulkhead({ name, maxConcurrent: 1, maxQueued: 1, clock }),
      clock,
    });
    const copies = keyed({ name: 'copies', keyOf, make: (_key, name) => hedge({ name, delayMs: 50, clock }), clock });
    const api = registry.pipeline('api', limits, copies);
    traceCalls({ registry });
    let finish: () => void = () => {};
    const first = api.execute(() => new Promise<void>((resolve) => (finish = resolve)), of('ada'));
    const second = api.execute(() => 1, of('ada'));
    await clock.advance(20);
    finish();
    await Promise.all([first, second]);

    expect(lab.tree()).toEqual([
      'call api outcome=success',
      '  hedge copies attempt=1 outcome=success',
      'call api outcome=success',
      '  * holdfast.waited wait.duration=0.02 wait.admitted=true',
      '  hedge copies attempt=1 outcome=success',
    ]);
    expect(toldOf(lab)).not.toContain('ada');
  });

  it('of a keyed policy within members show neither key', async () => {
    const { lab, registry, client } = setUp();
    const region = contextKey<string>('region');
    const tenants = registry.create(keyed<Policy>, {
      name: 'tenants',
      keyOf,
      make: (_key, name) => keyed<Policy>({ name, keyOf: (context) => context.value(region) ?? '', make: client }),
    });
    traceCalls({ registry });

    await tenants.execute(() => 1, of('ada').withValue(region, 'europe'));
    await tenants.execute(() => 1, of('bob').withValue(region, 'asia'));

    expect(spansOf(lab)).toEqual([
      'call tenants outcome=success',
      '  call tenants outcome=success',
      '    retry tenants attempt=1 outcome=success',
      'call tenants outcome=success',
      '  call tenants outcome=success',
      '    retry tenants attempt=1 outcome=success',
    ]);
    expect(toldOf(lab)).not.toMatch(/ada|bob|europe|asia/);
  });

  it('shown names (1): show no key that is in another name of the members', async () => {
    const { lab, registry } = setUp();
    const tenants = registry.create(keyed<Policy>, {
      name: 'tenants',
      keyOf,
      make: (key) => pipeline({ name: `the ${key} client` }, retry({ name: `retry-${key}`, maxAttempts: 1 })),
    });
    traceCalls({ registry });

    await tenants.execute(() => 1, of('ada'));

    expect(spansOf(lab)).toEqual(['call tenants outcome=success', '  retry tenants attempt=1 outcome=success']);
    expect(toldOf(lab)).not.toContain('ada');
  });

  it.each(['registry', 'pipeline'])(
    'shown names (1): show no key in events and messages of parts, in a %s',
    async (where) => {
      const { lab, clock, registry } = setUp();
      const { events } = registry;
      const make = (key: string) =>
        pipeline(
          { name: `client of ${key}` },
          retry({ name: `retry of ${key}`, maxAttempts: 2, baseDelayMs: 0, clock, events }),
          circuitBreaker({ name: `breaker of ${key}`, minimumCalls: 1, clock, events }),
        );
      const tenants = keyed({ name: 'tenants', keyOf, make, clock, events });
      const api = registry.create((options: PipelineOptions) => pipeline(options, tenants), { name: 'api' });
      if (where === 'registry') registry.add(tenants);
      traceCalls({ registry });

      const failing = (where === 'registry' ? tenants : api).execute(down, of('bob')).catch(() => {});
      await clock.advance(1);
      await failing;

      expect(toldOf(lab)).toContain('circuit-breaker.transitioned');
      expect(toldOf(lab)).toContain('tenants is open');
      expect(toldOf(lab)).not.toContain('bob');
    },
  );

  it('shown names (1): show no key in what is told outside of members, whatever those are', async () => {
    const { lab, registry } = setUp();
    const { events, clock } = registry;
    const breaker = (_key: string, name: string) => circuitBreaker({ name, minimumCalls: 1, events, clock });
    const foreign = (key: string, name: string): Policy => {
      const inside = breaker(key, name);
      return { execute: (operation, context) => inside.execute(operation, context) };
    };
    for (const [name, make] of Object.entries({ ours: breaker, foreign })) {
      const hosts = keyed<Policy>({ name: `${name}-hosts`, keyOf, make, clock, events });
      registry.pipeline(name, registry.create(retry, { name, maxAttempts: 1 }), hosts);
    }
    traceCalls({ registry });

    for (const name of ['ours', 'foreign']) {
      const api = registry.get('pipeline', name) as unknown as Policy;
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(api.execute(down, of('ada'))).rejects.toThrow('down');
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(api.execute(() => 1, of('ada'))).rejects.toThrow(`${name}-hosts/ada`);
    }

    const messages = lab.spans().flatMap(({ status }) => status.message ?? []);
    expect(messages.filter((message) => message.includes('-hosts '))).toHaveLength(4);
    expect(toldOf(lab)).toContain('circuit-breaker.transitioned');
    expect(toldOf(lab)).not.toContain('ada');
  });

  it('are traced under the overflow, where keyOf fails, and while the keyed policy only observes', async () => {
    const { lab, registry, client } = setUp();
    const before = onHookError(() => {});
    const tenants = registry.create(keyed<ReturnType<typeof client>>, {
      name: 'tenants',
      keyOf: (context) => context.value(tenant) ?? down(),
      make: client,
      maxKeys: 1,
    });
    traceCalls({ registry, keyAttribute: (key) => key });
    const waiting = Context.background.withValue(tenant, 'ada').withCancel();
    const first = tenants.execute(() => new Promise(() => {}), waiting).catch(() => {});
    await tenants.execute(() => 1, of('bob'));
    waiting.cancel();
    await first;
    await tenants.execute(() => 1);
    tenants.update({ enforcement: 'observe' });
    await tenants.execute(() => 1, of('eve'));

    onHookError(before);
    const calls = lab.spans().filter(({ name }) => name === 'call tenants');
    expect(calls.map(({ attributes }) => [attributes['holdfast.key'], attributes['holdfast.outcome']])).toEqual([
      ['__other__', 'success'],
      ['ada', 'cancelled'],
      ['', 'success'],
      [undefined, 'success'],
    ]);
    expect(lab.spans()).toHaveLength(lab.startedCount);
  });

  it('tracing tap (1), shown names (2): keep nothing of members that have gone, and end with close', async () => {
    const { lab, registry, client } = setUp();
    const tenants = registry.create(keyed<ReturnType<typeof client>>, { name: 'tenants', keyOf, make: client });
    const tracing = traceCalls({ registry });
    let finish: () => void = () => {};
    const early = tenants.execute(() => new Promise<void>((resolve) => (finish = resolve)), of('ada'));
    tenants.delete('ada');
    registry.remove(tenants);
    await tenants.execute(() => 1, of('ada'));
    tracing.close();
    finish();
    await early;
    await settle();

    expect(spansOf(lab)).toEqual(['call tenants outcome=success', '  retry tenants attempt=1 outcome=success']);
  });
});
