/**
 * A run that ends by itself shows what its README claims, keeps its promises, and leaves nothing behind.
 *
 * @module
 */

import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';

import { type Ending, type OrdersProcess, figure, npmRunOrders } from './orders-process.ts';

/** Why there is no RabbitMQ; empty where there is one. */
const missing = inject('noRabbitmq');

/** Less than the 3 s that a user waits, after which every layer would have stopped without being told. */
const STOPS_WITHIN_MS = 1000;

describe('npm run orders -- --for 5s', () => {
  let orders: OrdersProcess | undefined;
  let ending: Ending;
  const output = (): string => orders?.output() ?? '';
  const value = (key: string): number => figure(output(), key);

  beforeAll(async () => {
    if (missing !== '') return;
    orders = npmRunOrders('--for', '5s', '--clients', '100', '--stops-within', `${STOPS_WITHIN_MS}`);
    ending = await orders.ended;
  }, 280_000);
  afterAll(() => orders?.kill());
  beforeEach(({ skip }) => {
    if (missing !== '') skip(missing);
  });

  it('ends with exit code 0 and nothing to complain about', () => {
    expect({ ...ending, output: output() }).toEqual({ code: 0, signal: null, output: output() });
    expect(orders?.errors()).toBe('');
    expect(output()).not.toContain('BROKEN');
    expect(output()).not.toContain('not seen');
  });

  it('leaves no process', async () => {
    await expect.poll(() => orders?.left()).toEqual([]);
  });

  it('shows an order hop by hop, with less time at each, and one trace', () => {
    const hops = ['sql', 'inventory', 'orders', 'gateway', 'audit'].map((layer) =>
      new RegExp(
        `s {3}([0-9a-f]{8}) {2}${layer} +ada/eu {2}(?:left +(\\d+) ms|no deadline) +(?:done|201) in \\d+ ms`,
      ).exec(output()),
    );
    const [sql, inventory, ordersLeft, gateway] = hops.map((hop) => Number(hop?.[2]));

    expect(new Set(hops.map((hop) => hop?.[1])).size).toBe(1);
    expect([gateway, ordersLeft, inventory, sql]).toEqual(
      [gateway, ordersLeft, inventory, sql].toSorted((a, b) => Number(b) - Number(a)),
    );
  });

  it('knows in every layer who it works for, over one trace from the gateway to the audit', () => {
    expect(value('orders.answered')).toBeGreaterThan(10);
    expect(value('orders.failed')).toBe(0);
    expect(value('orders.bled')).toBe(0);
    expect(value('orders.traces_broken')).toBe(0);
    expect(value('orders.unrecorded')).toBe(0);
  });

  it('lets no layer believe in more time than its caller has, nor go on after it', () => {
    expect(value('deadlines.later')).toBe(0);
    expect(value('deadlines.silent')).toBe(0);
    expect(value('deadlines.outlived_ms')).toBeLessThan(1000);
  });

  it('stops every layer when a client is killed: gateway, orders, gRPC, transaction and statement', () => {
    expect(value('leaving.clients')).toBe(100);
    expect(value('leaving.p99_ms')).toBeLessThan(STOPS_WITHIN_MS);
    expect(value('leaving.statements_left')).toBe(0);
    expect(value('leaving.left')).toBe(0);
    expect(value('leaving.reserved')).toBe(0);
    expect(value('leaving.innocent')).toBe(0);
    expect(output()).toMatch(/ {2}sql +eve\/us .* cancelled in /);
  });

  it('loses no order and no record when each service gets SIGTERM under load, and each exits in time', () => {
    expect(value('deploying.failed')).toBe(0);
    expect(value('deploying.unrecorded')).toBe(0);
    expect(value('deploying.unclean_exits')).toBe(0);
    expect(value('deploying.longest_stop_ms')).toBeLessThan(16_000);
  });

  it('refuses with 503, Retry-After and a problem while the inventory is dead, and recovers', () => {
    expect(value('crash.refused')).toBeGreaterThan(0);
    expect(value('crash.unhelpful')).toBe(0);
    expect(value('crash.recovered_ms')).toBeLessThan(10_000);
    expect(output()).toContain('an order is answered 503, Retry-After: 1, {"type":"https://holdfast.dev/problems/');
  });

  it('loses no record when the audit is killed', () => {
    expect(value('crash.unrecorded')).toBe(0);
  });
});
