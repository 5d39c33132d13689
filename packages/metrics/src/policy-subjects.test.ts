import {
  bulkhead,
  circuitBreaker,
  contextKey,
  Context,
  createPolicy,
  createRegistry,
  keyed,
  onHookError,
  pipeline,
  retry,
} from '@holdfast/core';
import { memoryFleet } from '@holdfast/core/fleet';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { LineRegister, lineExporter } from './testing/line-exporter.ts';

const host = contextKey<string>('host');
const at = (name: string): Context => Context.background.withValue(host, name);
const down = (): Promise<never> => Promise.reject(new Error('down'));

function setUp(maxKeys: number, memberKeys = 1000) {
  const clock = virtualClock();
  const [registry, register] = [createRegistry({ clock }), new LineRegister()];
  const hosts = registry.add(
    keyed({
      name: 'hosts',
      clock,
      maxKeys: memberKeys,
      keyOf: (context) => context.value(host) ?? '',
      make: (_key, name) =>
        pipeline({ name }, retry({ name, clock, maxAttempts: 1 }), circuitBreaker({ name, clock, minimumCalls: 1 })),
    }),
  );
  const exporter = lineExporter({ register, registry, maxKeys });
  const lines = async (part: string) =>
    (await register.metrics()).split('\n').filter((line) => line.startsWith(`holdfast_${part}`));
  return { clock, registry, register, hosts, exporter, lines };
}

describe('policy subjects', () => {
  it('(1) passes over kinds that it does not know, and policies that are none', async () => {
    const { registry, lines } = setUp(5);
    registry.add(createPolicy({ kind: 'sundial', name: 'mine', layer: (inner) => inner }));
    registry.add(
      keyed({ name: 'foreign', keyOf: () => 'k', make: () => ({ execute: (operation) => Promise.resolve(operation(Context.background)) }) }), // prettier-ignore
    );

    expect((await lines('')).filter((line) => /mine|foreign.*key=/.test(line))).toEqual([]);
  });

  it('(2) shows the parts of pipelines that have a name of their own, as those of a factory that makes several', async () => {
    const { registry, lines } = setUp(0);
    const own = { minimumCalls: 1 };
    const factory = ({ name }: { name: string }) =>
      pipeline({ name }, retry(), pipeline(circuitBreaker({ ...own, name: `${name}-circuit` })));
    const stock = registry.create(factory, { name: 'stock' });
    await stock.execute(down).catch(() => {});

    expect(await lines('circuit_state{name="stock-circuit",state="open"}')).toEqual([
      'holdfast_circuit_state{name="stock-circuit",state="open"} 1',
    ]);
    expect(await lines('retries_total')).toEqual([]);
    registry.remove(stock);
    expect(await lines('circuit_state')).toEqual([]);
  });

  it('(2) shows the members of a keyed policy and their parts under its name and their key, where that is wanted', async () => {
    const { hosts, lines } = setUp(5);
    await hosts.execute(() => 1, at('a.example'));
    await hosts.execute(down, at('b.example')).catch(() => {});

    expect(await lines('circuit_state{name="hosts",state="open"')).toEqual([
      'holdfast_circuit_state{name="hosts",state="open",key="__other__"} 0',
      'holdfast_circuit_state{name="hosts",state="open",key="a.example"} 0',
      'holdfast_circuit_state{name="hosts",state="open",key="b.example"} 1',
    ]);
    expect(await lines('calls_total{name="hosts",outcome="failure",key="b.example"}')).toEqual([
      'holdfast_calls_total{name="hosts",outcome="failure",key="b.example"} 1',
    ]);
    expect(await lines('attempts_total{policy="retry",name="hosts",key="a')).toEqual([]); // labels come in the order in which they were set
    expect((await lines('attempts_total')).filter((line) => line.includes('a.example'))).toHaveLength(1);
    expect(await lines('keyed_members')).toEqual(['holdfast_keyed_members{name="hosts"} 2']);
  });

  it('(3) counts a policy and a store that two registries have in common once', async () => {
    const health = () => ({
      name: 'circuits',
      mode: 'shared',
      operations: [{ operation: 'sync', result: 'ok', count: 5 }],
    });
    const store = Object.assign(memoryFleet({ clock: virtualClock() }).store({ node: 'a' }), { health }); // prettier-ignore
    const [one, other, register] = [createRegistry({ store }), createRegistry({ store }), new LineRegister()];
    const prices = other.add(one.pipeline('prices', retry()));
    const first = lineExporter({ register, registry: one });
    lineExporter({ register, registry: other });
    await prices.execute(() => 1);

    const isOnce = async () => {
      const text = await register.metrics();
      expect(text).toContain('holdfast_calls_total{name="prices",outcome="success"} 1\n');
      expect(text).toContain('holdfast_call_duration_seconds_count{name="prices",outcome="success"} 1\n');
      expect(text).toContain('holdfast_store_operations_total{name="circuits",operation="sync",result="ok"} 5\n');
    };
    await isOnce();
    first.close();
    await isOnce();
  });

  it('(4) shows everything else where a keyed policy cannot tell its members', async () => {
    const { registry, lines } = setUp(5);
    const reported: string[] = [];
    const before = onHookError(({ message }) => reported.push(message));
    registry.add(createPolicy({ kind: 'keyed', name: 'foreign', layer: (inner) => inner }));
    registry.create(retry, { name: 'mine' });

    expect(await lines('retries_total{name="mine"}')).toEqual(['holdfast_retries_total{name="mine"} 0']);
    onHookError(before);
    expect(new Set(reported)).toEqual(new Set([expect.stringContaining('foreign')]));
  });

  it('the counters of `__other__` keep what they counted when the last key without series is evicted', async () => {
    const { hosts, lines } = setUp(1);
    const others = async () => (await lines('calls_total{name="hosts",outcome="success",key="__other__"'))[0];
    for (const name of ['a', 'b', 'b']) await hosts.execute(() => 1, at(name));
    expect(await others()).toBe('holdfast_calls_total{name="hosts",outcome="success",key="__other__"} 2');

    hosts.evict('b');

    expect(await others()).toBe('holdfast_calls_total{name="hosts",outcome="success",key="__other__"} 2');
  });

  it('charter K2: keys have no series unless they are asked for', async () => {
    const { hosts, lines } = setUp(0);
    await hosts.execute(() => 1, at('a.example'));

    expect((await lines('')).filter((line) => line.includes('key='))).toEqual([]);
    expect(await lines('keyed_calls_total')).toEqual(['holdfast_keyed_calls_total{name="hosts"} 1']);
  });

  it('charter K2, K4: 100 000 keys come to the cap and one more; when the policy goes, none is left', async () => {
    const [registry, register] = [createRegistry(), new LineRegister()];
    const make = (_key: string, name: string) => bulkhead({ name, maxConcurrent: 1 });
    const keyOf = (context: Context) => context.value(host) ?? '';
    const hosts = registry.add(keyed({ name: 'hosts', maxKeys: 100_000, keyOf, make }));
    lineExporter({ register, registry, maxKeys: 20 });
    for (let key = 0; key < 100_000; key++) void hosts.execute(() => new Promise(() => {}), at(`host-${key}`));

    const lines = (await register.metrics()).split('\n').filter((line) => line.includes('key='));
    expect(new Set(lines.map((line) => /key="([^"]*)"/.exec(line)?.[1])).size).toBe(21);
    const running = lines.filter((line) => line.startsWith('holdfast_bulkhead_running_calls'));
    expect(running.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)).toBe(100_000);

    hosts.dispose();
    registry.remove(hosts);
    expect(await register.metrics()).not.toContain('hosts');
  }, 60_000);

  it('a key that is evicted takes its series along', async () => {
    const { hosts, lines } = setUp(5);
    await hosts.execute(() => 1, at('a.example'));
    hosts.evict('a.example');

    expect((await lines('')).filter((line) => line.includes('a.example'))).toEqual([]);
  });
});
