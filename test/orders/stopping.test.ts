/**
 * How a run stops, and how it refuses to start.
 *
 * @module
 */

import { type TestContext, beforeEach, describe, expect, inject, it } from 'vitest';

import { UsageError, parseArguments } from '../../examples/orders/src/arguments.ts';
import { type OrdersProcess, npmRunOrders, startOrdersProgram } from './orders-process.ts';

/** Why there is no RabbitMQ; empty where there is one. */
const missing = inject('noRabbitmq');

/** Kills what is left of a run at the end of the test. */
function tied(test: TestContext, orders: OrdersProcess): OrdersProcess {
  test.onTestFinished(() => orders.kill());
  return orders;
}

describe('npm run orders', { concurrent: true, timeout: 280_000 }, () => {
  beforeEach(({ skip }) => {
    if (missing !== '') skip(missing);
  });

  it('ends everything, sums up and exits with 0 when the terminal interrupts it', async (test) => {
    const orders = tied(test, npmRunOrders());
    await orders.printed('act 1, orders');

    process.kill(-(orders.child.pid ?? 0), 'SIGINT');

    expect(await orders.ended).toEqual({ code: 0, signal: null });
    expect(orders.output()).toContain('│ clients killed while the database worked for them');
    expect(orders.output()).toContain('not seen');
    expect(orders.errors()).toBe('');
    await test.expect.poll(() => orders.left()).toEqual([]);
  });

  it('fails, and says so, when a service dies that nobody has killed', async (test) => {
    const orders = tied(test, startOrdersProgram());
    await orders.printed('act 1, orders');

    process.kill(orders.pidOf('inventory.mjs'), 'SIGKILL');

    expect(await orders.ended).toEqual({ code: 1, signal: null });
    expect(orders.errors()).toBe('orders: the inventory service has died\n');
    expect(orders.output()).toContain('not seen');
    await test.expect.poll(() => orders.left()).toEqual([]);
  });

  it('leaves no process behind when it is killed while it starts', async (test) => {
    const orders = tied(test, startOrdersProgram());
    await orders.printed('starting RabbitMQ');

    orders.child.kill('SIGKILL');

    expect(await orders.ended).toEqual({ code: null, signal: 'SIGKILL' });
    await test.expect.poll(() => orders.left()).toEqual([]);
  });

  it('says in one line why it does not start where a server program is none', async (test) => {
    const orders = tied(test, startOrdersProgram([], { POSTGRES_BIN_DIR: '/nonexistent', PATH: '/nonexistent' }));

    expect(await orders.ended).toEqual({ code: 1, signal: null });
    expect(orders.errors()).toMatch(/^orders: /);
    await test.expect.poll(() => orders.left()).toEqual([]);
  });

  it('exits with 2 and says what is wrong with the command line', async (test) => {
    const orders = tied(test, startOrdersProgram(['--bogus']));

    expect(await orders.ended).toEqual({ code: 2, signal: null });
    expect(orders.errors()).toContain("Unknown option '--bogus'");
    expect(orders.output()).toBe('');
  });

  it('says how it is used', async (test) => {
    const orders = tied(test, startOrdersProgram(['--help']));

    expect(await orders.ended).toEqual({ code: 0, signal: null });
    expect(orders.output()).toContain('Usage: npm run orders');
  });
});

describe('parseArguments', () => {
  it.for([
    [['--for', '3s'], '--for must be a duration from 5s to 1h, such as 40s, got "3s"'],
    [['--for', '2h'], '--for must be a duration from 5s to 1h'],
    [['--clients', '0'], '--clients must be an integer from 1 to 100000, got "0"'],
    [['--clients', '1.5'], '--clients must be an integer'],
    [['--stops-within', '0'], '--stops-within must be an integer from 1 to 60000, got "0"'],
    [['extra'], 'Unexpected argument'],
  ] as const)('refuses %s', ([args, message]) => {
    expect(() => parseArguments(args)).toThrow(UsageError);
    expect(() => parseArguments(args)).toThrow(message);
  });

  it('takes 40 seconds and 100 clients where nothing is said', () => {
    expect(parseArguments([])).toEqual({ help: false, forMs: 40_000, clients: 100, stopsWithinMs: 1000 });
    expect(parseArguments(['--for', '2m', '--clients', '1000', '--stops-within', '100'])).toEqual({
      help: false,
      forMs: 120_000,
      clients: 1000,
      stopsWithinMs: 100,
    });
  });
});
