/**
 * The exporter as an application uses it: real policies on virtual time, a real register of prom-client.
 *
 * @module
 */

import {
  ConfigError,
  Context,
  bulkhead,
  circuitBreaker,
  createRegistry,
  fallback,
  isCancelled,
  isRejection,
  onHookError,
  retry,
} from '@holdfast/core';
import { memoryFleet } from '@holdfast/core/fleet';
import { settle, virtualClock } from '@holdfast/core/testing';
import { AggregatorRegistry, Counter, Registry, register as defaultRegister } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';

import { type DegradationSource, prometheus, prometheusDefaults } from './index.ts';

type Values = Record<string, number>;

/** Every series of a register, written as in the text format, in order. */
async function scrape(register: Pick<Registry, 'getMetricsAsJSON'>): Promise<Values> {
  const values: Values = {};
  for (const metric of await register.getMetricsAsJSON()) {
    for (const { labels, value } of metric.values) {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}=${text}`);
      values[`${metric.name}{${pairs.join(',')}}`] = value;
    }
  }
  return values;
}

function startingWith(values: Values, start: string): Values {
  return Object.fromEntries(Object.entries(values).filter(([series]) => series.startsWith(start)));
}

function sum(values: Values): number {
  return Object.values(values).reduce((total, value) => total + value, 0);
}

const succeed = () => 'value';
const fail = () => Promise.reject(new Error('down'));
const hang = () => new Promise<never>(() => {});

function setUp() {
  const clock = virtualClock();
  const registry = createRegistry({ clock });
  const register = new Registry();
  return { clock, registry, register };
}

function exported({ registry, register }: ReturnType<typeof setUp>) {
  return { registry, register };
}

/** A breaker that opens at the first failure. */
function touchyBreaker({ registry }: Pick<ReturnType<typeof setUp>, 'registry'>, name: string) {
  const window = { kind: 'count', size: 1 } as const;
  return registry.create(circuitBreaker, { name, window, minimumCalls: 1, maxProbes: 1, openForMs: 1000 });
}

afterEach(() => {
  onHookError(undefined);
});

describe('prometheus', () => {
  it('charter K1: a fresh circuit has a one-hot state and all transitions at 0', async () => {
    const { registry, register } = setUp();
    registry.create(circuitBreaker, { name: 'prices' });
    prometheus({ register, registry });

    const values = await scrape(register);

    expect(startingWith(values, 'holdfast_circuit_state')).toEqual({
      'holdfast_circuit_state{name=prices,state=closed}': 1,
      'holdfast_circuit_state{name=prices,state=forced_closed}': 0,
      'holdfast_circuit_state{name=prices,state=forced_open}': 0,
      'holdfast_circuit_state{name=prices,state=half_open}': 0,
      'holdfast_circuit_state{name=prices,state=open}': 0,
    });
    expect(Object.values(startingWith(values, 'holdfast_circuit_transitions_total'))).toEqual(Array(20).fill(0));
    expect(startingWith(values, 'holdfast_circuit_calls_total')).toEqual({
      'holdfast_circuit_calls_total{name=prices,verdict=success}': 0,
      'holdfast_circuit_calls_total{name=prices,verdict=failure}': 0,
      'holdfast_circuit_calls_total{name=prices,verdict=ignored}': 0,
    });
  });

  it('charter K1: an opening too short for any scrape shows in the transitions', async () => {
    const context = setUp();
    const breaker = touchyBreaker(context, 'prices');
    prometheus(exported(context));

    await breaker.execute(fail).catch(() => {});
    await context.clock.advance(1000);
    await breaker.execute(succeed);

    const values = await scrape(context.register);
    expect(values['holdfast_circuit_state{name=prices,state=closed}']).toBe(1);
    expect(values['holdfast_circuit_transitions_total{name=prices,from=closed,to=open}']).toBe(1);
    expect(values['holdfast_circuit_transitions_total{name=prices,from=open,to=half_open}']).toBe(1);
    expect(values['holdfast_circuit_transitions_total{name=prices,from=half_open,to=closed}']).toBe(1);
  });

  it('shows the state that an open circuit has when it is scraped, without a call', async () => {
    const context = setUp();
    const breaker = touchyBreaker(context, 'prices');
    prometheus(exported(context));
    await breaker.execute(fail).catch(() => {});

    const open = await scrape(context.register);
    await context.clock.advance(1000);
    const halfOpen = await scrape(context.register);

    expect(open['holdfast_circuit_state{name=prices,state=open}']).toBe(1);
    expect(halfOpen['holdfast_circuit_state{name=prices,state=half_open}']).toBe(1);
    expect(halfOpen['holdfast_circuit_state{name=prices,state=open}']).toBe(0);
  });

  it('charter K9: rejections show policy, name and reason', async () => {
    const context = setUp();
    const breaker = touchyBreaker(context, 'prices');
    const room = context.registry.create(bulkhead, { name: 'prices', maxConcurrent: 1 });
    prometheus(exported(context));

    void room.execute(hang);
    await room.execute(succeed).catch(() => {});
    await breaker.execute(fail).catch(() => {});
    await breaker.execute(succeed).catch(() => {});
    await context.clock.advance(1000);
    void breaker.execute(hang);
    await breaker.execute(succeed).catch(() => {});

    expect(startingWith(await scrape(context.register), 'holdfast_rejections_total')).toEqual({
      'holdfast_rejections_total{name=prices,policy=circuit-breaker,reason=open}': 1,
      'holdfast_rejections_total{name=prices,policy=circuit-breaker,reason=forced_open}': 0,
      'holdfast_rejections_total{name=prices,policy=circuit-breaker,reason=half_open_full}': 1,
      'holdfast_rejections_total{name=prices,policy=circuit-breaker,reason=ramping_up}': 0,
      'holdfast_rejections_total{name=prices,policy=bulkhead,reason=evicted}': 0,
      'holdfast_rejections_total{name=prices,policy=bulkhead,reason=max_wait}': 0,
      'holdfast_rejections_total{name=prices,policy=bulkhead,reason=queue_full}': 1,
      'holdfast_rejections_total{name=prices,policy=bulkhead,reason=would_miss_deadline}': 0,
    });
  });

  it('charter K7: calls are the sum of their outcomes and those in flight, and tries are counted apart', async () => {
    const { clock, registry, register } = setUp();
    const breaker = registry.create(circuitBreaker, { name: 'prices', minimumCalls: 100 });
    const again = registry.create(retry, { name: 'prices', maxAttempts: 2, baseDelayMs: 0 });
    const room = registry.create(bulkhead, { name: 'prices', maxConcurrent: 1 });
    const calls = registry.pipeline('prices', again, breaker, room);
    prometheus({ register, registry });
    const caller = Context.background.withCancel();

    await calls.execute(succeed);
    const failed = calls.execute(fail).catch(String);
    await clock.advance(0);
    expect(await failed).toBe('Error: down');
    const cancelled = calls.execute(hang, caller);
    await expect(calls.execute(succeed)).rejects.toSatisfy(isRejection);
    caller.cancel();
    await expect(cancelled).rejects.toSatisfy(isCancelled);
    void calls.execute(hang).catch(() => {});
    await settle();

    const values = await scrape(register);
    expect(startingWith(values, 'holdfast_calls')).toEqual({
      'holdfast_calls_total{name=prices,outcome=success}': 1,
      'holdfast_calls_total{name=prices,outcome=failure}': 1,
      'holdfast_calls_total{name=prices,outcome=rejected}': 1,
      'holdfast_calls_total{name=prices,outcome=cancelled}': 1,
      'holdfast_calls_in_flight{name=prices}': 1,
    });
    expect(values['holdfast_retries_total{name=prices}']).toBe(1);
    const started = 5 + 1;
    const inCircuit = startingWith(values, 'holdfast_circuit_calls_total');
    expect(sum(inCircuit) + values['holdfast_bulkhead_running_calls{name=prices}']!).toBe(started);
  });

  it('shows what a bulkhead holds and may hold', async () => {
    const { registry, register } = setUp();
    const room = registry.create(bulkhead, { name: 'reports', maxConcurrent: 2, maxQueued: 5 });
    prometheus({ register, registry });
    for (let call = 0; call < 3; call++) void room.execute(hang);

    expect(startingWith(await scrape(register), 'holdfast_bulkhead')).toEqual({
      'holdfast_bulkhead_running_calls{name=reports}': 2,
      'holdfast_bulkhead_queued_calls{name=reports}': 1,
      'holdfast_bulkhead_max_concurrent_calls{name=reports}': 2,
      'holdfast_bulkhead_max_queued_calls{name=reports}': 5,
    });
  });

  it('counts the answers of a fallback', async () => {
    const { registry, register } = setUp();
    const standIn = registry.create(fallback<number>, { name: 'prices', value: 0 });
    prometheus({ register, registry });

    await standIn.execute(fail);
    await standIn.execute(fail);

    expect((await scrape(register))['holdfast_fallbacks_total{name=prices}']).toBe(2);
  });

  it('shows the mode, the calls and the override of a feature', async () => {
    const { registry, register } = setUp();
    const feature = { name: 'tips', modes: ['full', 'cached', 'off'], served: { full: 7, cached: 2 }, revision: 4 };
    let mode = 'full';
    let override: { readonly remainingMs: number } | undefined;
    const degradation: DegradationSource = { list: () => [{ ...feature, mode, override }] };
    prometheus({ register, registry, degradation });

    const before = await scrape(register);
    mode = 'cached';
    override = { remainingMs: 1500 };
    const after = await scrape(register);

    expect(before).toEqual({
      'holdfast_feature_mode{feature=tips,mode=full}': 1,
      'holdfast_feature_mode{feature=tips,mode=cached}': 0,
      'holdfast_feature_mode{feature=tips,mode=off}': 0,
      'holdfast_feature_degraded{feature=tips}': 0,
      'holdfast_feature_calls_total{feature=tips,mode=full}': 7,
      'holdfast_feature_calls_total{feature=tips,mode=cached}': 2,
      'holdfast_feature_calls_total{feature=tips,mode=off}': 0,
      'holdfast_feature_changes_total{feature=tips}': 4,
    });
    expect(after['holdfast_feature_mode{feature=tips,mode=full}']).toBe(0);
    expect(after['holdfast_feature_mode{feature=tips,mode=cached}']).toBe(1);
    expect(after['holdfast_feature_override_remaining_seconds{feature=tips}']).toBe(1.5);
  });

  it('charter K4: series leave with their policy', async () => {
    const { registry, register } = setUp();
    const breaker = registry.create(circuitBreaker, { name: 'prices' });
    prometheus({ register, registry });
    const before = await scrape(register);

    registry.remove(breaker);

    expect(Object.keys(before).length).toBeGreaterThan(0);
    expect(await scrape(register)).toEqual({});
    expect(await register.metrics()).not.toMatch(/^holdfast/m);
  });

  it('charter K5: gauges say how processes are put together: the worst state, the sum of calls', async () => {
    const workers = [setUp(), setUp()];
    for (const worker of workers) {
      const breaker = touchyBreaker(worker, 'prices');
      const calls = worker.registry.pipeline('prices', breaker);
      prometheus(exported(worker));
      if (worker === workers[1]) await calls.execute(fail).catch(() => {});
      void calls.execute(hang).catch(() => {});
    }

    const json = await Promise.all(workers.map(({ register }) => register.getMetricsAsJSON()));
    const values = await scrape(AggregatorRegistry.aggregate(json));

    expect(values['holdfast_circuit_state{name=prices,state=open}']).toBe(1);
    expect(values['holdfast_calls_in_flight{name=prices}']).toBe(1);
    expect(values['holdfast_calls_total{name=prices,outcome=failure}']).toBe(1);
    expect(values['holdfast_calls_total{name=prices,outcome=rejected}']).toBe(1);
  });

  it('(2) gives the same when scraped twice', async () => {
    const context = setUp();
    const breaker = touchyBreaker(context, 'prices');
    context.registry.pipeline('prices', breaker);
    prometheus({ ...exported(context), maxNames: 1 });
    touchyBreaker(context, 'folded');
    await breaker.execute(fail).catch(() => {});

    const first = await context.register.metrics();

    expect(await context.register.metrics()).toBe(first);
  });

  it('(3) charter K3: a second exporter of the same registry counts nothing twice', async () => {
    const { registry, register } = setUp();
    const calls = registry.pipeline('prices');
    prometheus({ register, registry });
    prometheus({ register, registry });

    await calls.execute(succeed);

    expect((await scrape(register))['holdfast_calls_total{name=prices,outcome=success}']).toBe(1);
  });

  it('(4) shows two registries side by side, and each until it is closed', async () => {
    const { register } = setUp();
    const [one, two] = [createRegistry(), createRegistry()];
    one.pipeline('one');
    two.pipeline('two');
    new Counter({ name: 'mine_total', help: 'Not ours.', registers: [register] }).inc();
    const first = prometheus({ register, registry: one });
    const second = prometheus({ register, registry: two });

    const both = await scrape(register);
    first.close();
    first.close();
    const rest = await scrape(register);
    second.close();

    expect(both).toMatchObject({
      'holdfast_calls_in_flight{name=one}': 0,
      'holdfast_calls_in_flight{name=two}': 0,
    });
    expect(Object.keys(rest).some((series) => series.includes('name=one'))).toBe(false);
    expect(rest['holdfast_calls_in_flight{name=two}']).toBe(0);
    expect(await scrape(register)).toEqual({ 'mine_total{}': 1 });
  });

  it('touches the default register only when it is given', () => {
    prometheus(exported(setUp()));

    expect(defaultRegister.getMetricsAsArray()).toEqual([]);
  });

  it('answers in both text formats in turn, from one register', async () => {
    const { registry } = setUp();
    const register = new Registry() as Registry & { setContentType(type: string): void };
    registry.pipeline('prices');
    prometheus({ register, registry });

    const classic = await register.metrics();
    register.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    const open = await register.metrics();
    register.setContentType(Registry.PROMETHEUS_CONTENT_TYPE);

    expect(classic).toContain('# TYPE holdfast_calls_total counter\nholdfast_calls_total{name="prices",');
    expect(open).toContain('# TYPE holdfast_calls counter\nholdfast_calls_total{name="prices",');
    expect(open).not.toContain('_total_total');
    expect(await register.metrics()).toBe(classic);
  });

  it('says which option is wrong', () => {
    const { registry, register } = setUp();
    const good = { register, registry };
    const wrong = (options: object) => () => prometheus({ ...good, ...options });

    expect(wrong({ maxNames: 0 })).toThrow(new ConfigError('prometheus.maxNames', 'an integer from 1 to 100000', 0));
    expect(wrong({ maxNames: 1.5 })).toThrow(ConfigError);
    expect(wrong({ prefix: '9x' })).toThrow(ConfigError);
    expect(wrong({ prefix: 'a-b' })).toThrow(ConfigError);
    expect(wrong({ register: {} })).toThrow(/prometheus.register must be a Registry of prom-client/);
    expect(wrong({ registry: undefined })).toThrow(/prometheus.registry must be/);
    expect(wrong({ degradation: {} })).toThrow(/prometheus.degradation must be/);
    expect(wrong({ maxKeys: -1 })).toThrow(ConfigError);
    expect(wrong({ maxKeys: Infinity })).toThrow(ConfigError);
    for (const bounds of [5, [0], [NaN], [Infinity], [2, 1], [1, 1], Array.from({ length: 51 }, (_, at) => at + 1)])
      expect(wrong({ durationBoundsMs: bounds })).toThrow(/prometheus.durationBoundsMs/);
    expect(wrong({ traceIdOf: 'trace' })).toThrow(/prometheus.traceIdOf/);
    expect(wrong({ wallClock: 5 })).toThrow(/prometheus.wallClock/);
    expect(wrong({ brownout: {} })).toThrow(/prometheus.brownout must be something with explain\(\)/);
    expect(wrong({ outboxes: { orders: {} } })).toThrow(/prometheus.outboxes.orders must be something with count\(\)/);
    for (const option of ['stores', 'trackers', 'supervisors', 'sqlPools'])
      for (const odd of [5, null, { a: null }, { a: undefined }, { a: {} }])
        expect(wrong({ [option]: odd })).toThrow(new RegExp(`prometheus.${option}`));
    expect(wrong({ maxName: 3 })).toThrow(
      /prometheus has no option "maxName"; it knows brownout, consumers, contexts, /,
    );
    expect(register.getMetricsAsArray()).toEqual([]);
  });

  it('takes the defaults for options given as undefined', async () => {
    const { registry, register } = setUp();
    registry.pipeline('prices');
    prometheus({ register, registry, prefix: undefined, maxNames: undefined });

    expect(Object.keys(await scrape(register))[0]).toMatch(new RegExp(`^${prometheusDefaults.prefix}`));
  });

  it('charter M13: shows the store that a registry shares circuits through, and none where there is none', async () => {
    const clock = virtualClock();
    const store = memoryFleet({ clock }).store({ node: 'n1' });
    const register = new Registry();
    const exporter = prometheus({ register, registry: createRegistry({ clock, store }) });
    await clock.advance(100);

    expect(startingWith(await scrape(register), 'holdfast_store_')).toMatchObject({
      'holdfast_store_mode{name=memory,mode=shared}': 1,
      'holdfast_store_mode{name=memory,mode=local}': 0,
      'holdfast_store_operations_total{name=memory,operation=sync,result=ok}': 1,
      'holdfast_store_nodes{name=memory}': 1,
    });
    exporter.close();
    await store.close();

    prometheus({ register, registry: createRegistry({ clock }) });
    expect(startingWith(await scrape(register), 'holdfast_store_')).toEqual({});
  });
});
