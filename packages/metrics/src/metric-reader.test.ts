import { circuitBreaker, createRegistry, onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import type { Metric } from './metric-row.ts';
import { metricTable } from './metric-table.ts';
import { type LineExporterOptions, LineRegister, lineExporter } from './testing/line-exporter.ts';

function setUp(options: Partial<LineExporterOptions> = {}) {
  const [registry, register] = [createRegistry(), new LineRegister()];
  const exporter = lineExporter({ register, registry, ...options });
  const lines = async (part: string) =>
    (await register.metrics()).split('\n').filter((line) => line.startsWith(`holdfast_${part}`));
  return { registry, register, exporter, lines };
}

const tracked = { running: 2, overdue: 1, oldestAgeMs: 2500, succeeded: 9, failed: 1, refused: 0, abandoned: 3 };

describe('metric reader', () => {
  it('(1) asks everything once per reading, and anew for the next', async () => {
    let asked = 0;
    const { lines } = setUp({ trackers: { jobs: { status: () => ({ ...tracked, running: ++asked }) } } });

    expect(await lines('tracker_running')).toEqual(['holdfast_tracker_running_jobs{name="jobs"} 1']);
    expect(await lines('tracker_running')).toEqual(['holdfast_tracker_running_jobs{name="jobs"} 2']);
  });

  it('(2) counts what two exporters share once', async () => {
    const jobs = { status: () => tracked };
    const { registry, register, exporter, lines } = setUp({ trackers: { jobs } });
    const second = lineExporter({ register, registry, trackers: { jobs } });

    expect(await lines('tracker_jobs_total{name="jobs",result="succeeded"}')).toEqual([
      'holdfast_tracker_jobs_total{name="jobs",result="succeeded"} 9',
    ]);
    exporter.close();
    expect(await lines('tracker_oldest')).toEqual(['holdfast_tracker_oldest_age_seconds{name="jobs"} 2.5']);
    second.close();
    expect(await lines('')).toEqual([]);
  });

  it('(2) shows one thing under all the names that it was given', async () => {
    const jobs = { status: () => tracked };
    const { lines } = setUp({ trackers: { one: jobs, other: jobs } });

    expect(await lines('tracker_running')).toEqual([
      'holdfast_tracker_running_jobs{name="one"} 2',
      'holdfast_tracker_running_jobs{name="other"} 2',
    ]);
  });

  it('(2) shows an outbox under all the names that it was given, and asks it once', async () => {
    let asked = 0;
    const orders = { count: () => ({ waiting: ++asked, taken: 0, dead: 0 }) };
    const { lines } = setUp({ outboxes: { one: orders, other: orders } });

    expect((await lines('outbox_items')).filter((line) => line.includes('waiting'))).toEqual([
      'holdfast_outbox_items{name="one",state="waiting"} 1',
      'holdfast_outbox_items{name="other",state="waiting"} 1',
    ]);
  });

  it('(3) a second exporter keeps the meters of the first', async () => {
    const { registry, register, exporter, lines } = setUp();
    const second = lineExporter({ register, registry });
    const prices = registry.pipeline('prices', circuitBreaker());
    await prices.execute(() => 1);
    exporter.close();
    await prices.execute(() => 1);

    expect(await lines('call_duration_seconds_count{name="prices",outcome="success"}')).toEqual([
      'holdfast_call_duration_seconds_count{name="prices",outcome="success"} 2',
    ]);
    second.close();
  });

  it('shows the level of a brownout, and the pressure of the signals that are known', async () => {
    const signals = [{ signal: 'shedRatio', pressure: 0.5 }];
    const brownout = { name: 'shop', level: 1.4, localLevel: 2, maxLevel: 4, explain: () => ({ signals }) };
    const { lines } = setUp({ brownout });

    expect(await lines('brownout')).toEqual([
      'holdfast_brownout_level{name="shop"} 1.4',
      'holdfast_brownout_local_level{name="shop"} 2',
      'holdfast_brownout_max_level{name="shop"} 4',
      'holdfast_brownout_pressure{name="shop",signal="shedRatio"} 0.5',
    ]);
  });

  it('shows what is supervised, pools and stores under the names that they were given', async () => {
    const { lines } = setUp({
      supervisors: { importer: { status: () => ({ state: 'waiting', runs: 3, crashes: 2, isSafeMode: true }) } },
      sqlPools: {
        main: {
          counts: () => ({ checkedOut: 4, waiting: 1, gaveUpWaiting: 2, stopped: 3, cancelRequests: 5, dropped: 0 }),
        },
      },
      stores: {
        features: { health: () => ({ mode: 'local', answered: 8, failed: 1, latencyMs: 20, silentMs: 4000 }) },
      },
    });

    expect(await lines('supervisor')).toEqual([
      'holdfast_supervisor_running{name="importer"} 0',
      'holdfast_supervisor_safe_mode{name="importer"} 1',
      'holdfast_supervisor_runs_total{name="importer"} 3',
      'holdfast_supervisor_crashes_total{name="importer"} 2',
    ]);
    expect(await lines('sql_')).toHaveLength(6);
    expect(await lines('sql_cancel')).toEqual(['holdfast_sql_cancel_requests_total{name="main"} 5']);
    expect(await lines('store_')).toEqual([
      'holdfast_store_mode{name="features",mode="shared"} 0',
      'holdfast_store_mode{name="features",mode="local"} 1',
      'holdfast_store_operations_total{name="features",operation="request",result="ok"} 8',
      'holdfast_store_operations_total{name="features",operation="request",result="error"} 1',
      'holdfast_store_last_latency_seconds{name="features"} 0.02',
      'holdfast_store_silent_seconds{name="features"} 4',
    ]);
  });

  it('shows requests, gRPC calls and messages, whatever the consumer calls them', async () => {
    const ended = { answered: 8, refused: 1, deadline: 2, 'client-gone': 3, 'server-closing': 4, failed: 5 };
    const { lines } = setUp({
      httpServers: { shop: { counts: () => ({ running: 2, ended }) } },
      grpcServers: {
        stock: { snapshot: () => ({ open: 1, answered: 7, cancelled: 2, refused: { draining: 3, expired: 4 } }) },
      },
      consumers: {
        orders: { snapshot: () => ({ running: 1, handled: 5, failed: 1, refused: 2, expired: 3, abandoned: 0 }) },
        mails: { snapshot: () => ({ running: 0, completed: 6, failed: 2, putBack: 1, expired: 0, abandoned: 1 }) },
      },
    });

    expect(await lines('http_')).toEqual([
      'holdfast_http_requests_open{name="shop"} 2',
      'holdfast_http_requests_total{name="shop",outcome="answered"} 8',
      'holdfast_http_requests_total{name="shop",outcome="refused"} 1',
      'holdfast_http_requests_total{name="shop",outcome="deadline"} 2',
      'holdfast_http_requests_total{name="shop",outcome="client_gone"} 3',
      'holdfast_http_requests_total{name="shop",outcome="server_closing"} 4',
      'holdfast_http_requests_total{name="shop",outcome="failed"} 5',
    ]);
    expect(await lines('grpc_calls_total')).toEqual([
      'holdfast_grpc_calls_total{name="stock",outcome="answered"} 7',
      'holdfast_grpc_calls_total{name="stock",outcome="cancelled"} 2',
      'holdfast_grpc_calls_total{name="stock",outcome="draining"} 3',
      'holdfast_grpc_calls_total{name="stock",outcome="expired"} 4',
    ]);
    expect((await lines('consumer_messages_total')).map((line) => line.split(' ')[1])).toEqual([
      '5',
      '1',
      '2',
      '3',
      '6',
      '2',
      '1',
      '0',
    ]);
    expect(await lines('consumer_abandoned')).toEqual([
      'holdfast_consumer_abandoned_handlers_total{name="orders"} 0',
      'holdfast_consumer_abandoned_handlers_total{name="mails"} 1',
    ]);
  });

  it('(4) reports what cannot be read, and shows all else', async () => {
    const reported: unknown[] = [];
    const before = onHookError(({ hook, policy }) => reported.push([hook, policy]));
    const broken = () => {
      throw new Error('broken');
    };
    const { registry, lines } = setUp({
      trackers: { jobs: { status: () => tracked }, lost: { status: broken } },
      contexts: { snapshot: broken },
      brownout: { name: 'shop', level: 0, localLevel: 0, maxLevel: 4, explain: broken },
      outboxes: { orders: { count: broken } },
    });
    registry.pipeline('prices');

    expect(await lines('tracker_running')).toEqual(['holdfast_tracker_running_jobs{name="jobs"} 2']);
    expect(await lines('calls_in_flight')).toEqual(['holdfast_calls_in_flight{name="prices"} 0']);
    onHookError(before);
    const names = reported.slice(0, 4).map((each) => (each as unknown[])[1]);
    expect(new Set(names)).toEqual(new Set(['lost', undefined, 'shop', 'orders']));
    expect(reported[0]).toEqual(['lines.read', undefined]);
  });

  it.each([
    ['features that are none', { degradation: { list: () => undefined } }],
    ['a feature that is none', { degradation: { list: () => [null] } }],
    ['contexts that are none', { contexts: { snapshot: () => null } }],
    ['an outbox that says nothing', { outboxes: { orders: { count: () => undefined } } }],
    ['a store that says nothing', { stores: { links: { health: () => undefined } } }],
    ['a server whose endings are not there', { httpServers: { shop: { counts: () => ({ running: 1 }) } } }],
  ])('(4) never throws and reports: %s', async (_what, options) => {
    const reported: unknown[] = [];
    const before = onHookError(({ hook }) => reported.push(hook));
    const { registry, lines } = setUp(options as never);
    registry.pipeline('prices');

    expect((await lines('')).filter((line) => !line.includes('prices'))).toEqual([]);
    expect(await lines('calls_in_flight')).toHaveLength(1);
    onHookError(before);
    expect(reported).toEqual(['lines.read', 'lines.read']);
  });

  it('(4) shows all else where a registry cannot say what it holds, and counts on when it can again', async () => {
    const reported: unknown[] = [];
    const before = onHookError(({ hook }) => reported.push(hook));
    const registry = createRegistry();
    let isBroken = false;
    const moody = {
      clock: registry.clock,
      [Symbol.iterator]: () => {
        if (isBroken) throw new Error('not now');
        return registry[Symbol.iterator]();
      },
    };
    const { lines } = setUp({ registry: moody as never, maxNames: 1, trackers: { jobs: { status: () => tracked } } });
    for (const name of ['shown', 'folded']) await registry.pipeline(name).execute(() => 1);
    const calls = () => lines('calls_total{name="__other__",outcome="success"}');
    expect(await calls()).toEqual(['holdfast_calls_total{name="__other__",outcome="success"} 1']);
    isBroken = true;
    expect(await lines('tracker_running')).toHaveLength(1);
    isBroken = false;

    expect(await calls()).toEqual(['holdfast_calls_total{name="__other__",outcome="success"} 1']);
    onHookError(before);
    expect(reported).toEqual(['lines.read']);
  });

  it('knows whether anybody wants to see anything, and the second close does nothing', async () => {
    const { register, registry, exporter, lines } = setUp();
    registry.pipeline('prices');
    expect(register.reader.isEmpty).toBe(false);
    exporter.close();
    const second = lineExporter({ register, registry });
    exporter.close();

    expect(await lines('calls_in_flight')).toHaveLength(1);
    second.close();
    expect(register.reader.isEmpty).toBe(true);
    expect(await lines('')).toEqual([]);
  });

  it('reads what is known at once without the outboxes, and the outboxes without all else', async () => {
    const clock = virtualClock();
    const register = new LineRegister();
    const hang = () => new Promise<never>(() => {});
    const registry = createRegistry({ clock });
    const before = onHookError(() => {});
    lineExporter({
      register,
      registry,
      trackers: { jobs: { status: () => tracked } },
      outboxes: { slow: { count: hang } },
    });
    const of = (name: string) => metricTable.find((metric) => metric.name === name) as Metric;

    const reading = register.reader.read();
    const awaited = register.reader.readAwaited();
    await clock.advance(1000);

    expect([...reading.of(of('tracker_running_jobs'))]).toEqual([{ labels: { name: 'jobs' }, value: 2 }]);
    expect([...reading.of(of('outbox_items'))]).toEqual([]);
    expect([...(await awaited).of(of('outbox_items'))]).toEqual([]);
    expect([...(await awaited).of(of('tracker_running_jobs'))]).toEqual([]);
    onHookError(before);
  });
});
