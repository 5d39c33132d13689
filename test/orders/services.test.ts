/**
 * The services of the example on their own: what they do with orders of all kinds, how deadlines and values travel through them, and
 * what is left when clients leave at any moment.
 *
 * @module
 */

import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';

import { Context } from '@holdfast/core';

import type { Hop } from '../../examples/orders/src/contract/hop.ts';
import { type Platform, openPlatform } from '../../examples/orders/src/platform/platform.ts';
import { serviceNames } from '../../examples/orders/src/platform/service-build.ts';
import { type Errand, openDoomed, order, prepare } from '../../examples/orders/src/story/client.ts';
import { HopBook, layersOfRequest } from '../../examples/orders/src/story/hop-book.ts';

const context = Context.background;
const ada = { user: 'ada', region: 'eu' } as const;

const isLong = process.env['HOLDFAST_ORDERS_RUNS'] !== undefined;

/** Why there is no RabbitMQ; empty where there is one. */
const missing = inject('noRabbitmq');

describe('the services of orders', { timeout: isLong ? 900_000 : 240_000 }, () => {
  const hops = new HopBook();
  const died: string[] = [];
  let platform: Platform;

  beforeAll(async () => {
    if (missing !== '') return;
    platform = await openPlatform({ hop: (hop) => hops.add(hop), progress: () => {}, died: (name) => died.push(name) });
    await place({ ...ada, lines: [{ sku: 'lamp', quantity: 1 }] }); // the first one is slow: code is compiled
  }, 280_000);
  afterAll(() => platform?.close());
  beforeEach(({ skip }) => {
    if (missing !== '') skip(missing);
  });

  const place = (errand: Errand) => order(platform.url, prepare(errand), context);

  /** What is under way, and connections that are out, in all services, and what the database does for them. */
  const underWay = async (): Promise<number> => {
    const readings = await Promise.all(serviceNames.map(async (name) => platform.service(name)?.read()));
    const active = (await platform.postgres.backends()).filter(({ state }) => state !== 'idle').length;
    const open = readings.map((reading) => (reading ? reading.open + reading.background + reading.checkedOut : NaN));
    return open.reduce((sum, count) => sum + count, active);
  };

  it('puts aside what there is, and undoes alone what there is not enough of', async () => {
    const { status, body, ref } = await place({
      ...ada,
      lines: [
        { sku: 'vase', quantity: 100 },
        { sku: 'desk', quantity: 2 },
        { sku: 'unicorn', quantity: 1 },
      ],
    });

    expect(status).toBe(201);
    expect(JSON.parse(body)).toEqual({ ref, reserved: ['desk'], missing: ['unicorn', 'vase'] });
    const rows = await platform.postgres.query(
      'select sku, quantity, user_id, region from reservation where order_ref = $1',
      [ref],
    );
    expect(rows).toEqual([{ sku: 'desk', quantity: 2, user_id: 'ada', region: 'eu' }]);
  });

  it('takes nothing twice for one order, however often it comes, also at once', async () => {
    const sent = prepare({ ...ada, lines: [{ sku: 'vase', quantity: 1 }] });
    const available = () =>
      platform.postgres.query<{ available: number }>("select available from stock where sku = 'vase'");
    const [before] = await available();

    const answers = await Promise.all(Array.from({ length: 8 }, () => order(platform.url, sent, context)));

    const [after] = await available();
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201));
    expect(Number(before?.available) - Number(after?.available)).toBe(1);
  });

  it('answers 409 where there is nothing of it, and tells the audit nothing', async () => {
    const { status, ref } = await place({ ...ada, lines: [{ sku: 'unicorn', quantity: 1 }] });

    expect(status).toBe(409);
    expect(await platform.postgres.query('select 1 from audit where order_ref = $1', [ref])).toEqual([]);
  });

  it.for([
    ['no token', {}, 401],
    ['a token of nobody', { authorization: 'Bearer admin' }, 401],
    ['no order', { authorization: 'Bearer ada.eu', body: '{"lines":[]}' }, 400],
  ] as const)(
    'refuses %s at the edge',
    async ([, { body = '{}', ...headers }, status]: readonly [
      string,
      { body?: string; authorization?: string },
      number,
    ]) => {
      const response = await fetch(`${platform.url}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      });

      expect(response.status).toBe(status);
    },
  );

  it('believes no user that a client names in a header of ours', async () => {
    const sent = prepare({ ...ada, lines: [{ sku: 'lamp', quantity: 1 }] });
    const response = await fetch(`${platform.url}/orders`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer ada.eu',
        'content-type': 'application/json',
        'x-context-user-id': 'root',
        baggage: 'user-id=root',
      },
      body: JSON.stringify(sent),
    });

    expect(response.status).toBe(201);
    const rows = await platform.postgres.query('select user_id from reservation where order_ref = $1', [sent.ref]);
    expect(rows).toEqual([{ user_id: 'ada' }]);
  });

  it('lets no layer believe in more time than its caller has, whatever that is', async () => {
    const timeouts = fc.record({ timeoutMs: fc.integer({ min: 1, max: 8000 }), isSlow: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(timeouts, { minLength: 8, maxLength: 8 }), async (users) => {
        const told = await Promise.all(users.map((user) => hopsOfUser(user)));
        for (const { timeoutMs, onWay } of told) {
          const left = [Math.min(timeoutMs, 5000), ...onWay.map(({ leftMs }) => leftMs)];
          expect(left).toEqual(left.toSorted((one, other) => other - one));
        }
      }),
      { numRuns: runs(12) },
    );
  });

  async function hopsOfUser({
    timeoutMs,
    isSlow,
  }: {
    timeoutMs: number;
    isSlow: boolean;
  }): Promise<{ timeoutMs: number; onWay: Hop[] }> {
    const sent = prepare({ ...ada, timeoutMs, lines: [{ sku: isSlow ? 'mirror' : 'lamp', quantity: 1 }] });
    await order(platform.url, sent, context);
    await hops.complete(sent.traceId, ['gateway'], { context, ms: 10_000 });
    return {
      timeoutMs,
      onWay: layersOfRequest.flatMap((layer) => hops.of(sent.traceId).find((hop) => hop.layer === layer) ?? []),
    };
  }

  it('never takes one user for another, in any layer, however their requests interleave', async () => {
    const errands = fc.record({
      user: fc.constantFrom('ada', 'bob', 'eve'),
      region: fc.constantFrom('eu', 'us'),
      lines: fc
        .uniqueArray(fc.constantFrom('lamp', 'chair', 'desk', 'mirror'), { minLength: 1, maxLength: 3 })
        .map((skus) => skus.map((sku) => ({ sku, quantity: 1 }))),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(errands, { minLength: 12, maxLength: 12 }), async (wanted) => {
        const answers = await Promise.all(wanted.map((errand) => place(errand)));
        for (const { status, traceId, user, region, ref } of answers) {
          expect(status).toBe(201);
          const told = await hops.complete(traceId, [...layersOfRequest, 'audit'], { context, ms: 10_000 });
          const seen = told.map((hop) => [hop.layer, hop.user, hop.region, hop.orderRef].join(' '));
          const expected = [...layersOfRequest, 'audit'].map((layer) => [layer, user, region, ref].join(' '));
          expect(new Set(seen)).toEqual(new Set(expected));
        }
        const rows = await platform.postgres.query<{ order_ref: string; user_id: string }>(
          'select order_ref, user_id from reservation',
        );
        for (const { order_ref: ref, user_id: user } of rows) expect(ref.split('-')[0]).toBe(user);
      }),
      { numRuns: runs(10) },
    );
  });

  it('leaves nothing behind of clients that leave at any moment, and takes for none of them by halves', async () => {
    const moments = fc.record({ afterMs: fc.integer({ min: 0, max: 60 }), how: fc.constantFrom('fin', 'rst') });
    await fc.assert(
      fc.asyncProperty(fc.array(moments, { minLength: 10, maxLength: 10 }), async (leaving) => {
        const sent = leaving.map(() =>
          prepare({
            ...ada,
            lines: [
              { sku: 'mirror', quantity: 1 },
              { sku: 'lamp', quantity: 1 },
            ],
          }),
        );
        await Promise.all(
          leaving.map(async ({ afterMs, how }, index) => {
            const client = await openDoomed(platform.url, sent[index] ?? prepare({ ...ada, lines: [] }));
            await new Promise((resolve) => setTimeout(resolve, afterMs));
            client.kill(how);
          }),
        );

        await expect.poll(underWay, { timeout: 10_000, interval: 20 }).toBe(0);
        const refs = sent.map(({ ref }) => ref);
        const rows = await platform.postgres.query<{ count: number }>(
          'select count(*)::int as count from reservation where order_ref = any($1) group by order_ref',
          [refs],
        );
        expect(rows.every(({ count }) => count === 2)).toBe(true);
      }),
      { numRuns: runs(10) },
    );
    expect(await platform.service('orders')?.read()).toMatchObject({ circuits: { inventory: 'closed' } });
  });

  it('opens no circuit because of callers in a hurry', async () => {
    const hasty: Errand = { ...ada, timeoutMs: 300, lines: [{ sku: 'piano', quantity: 1 }] };

    const answers = await Promise.all(Array.from({ length: 40 }, () => place(hasty)));
    const patient = await place({ ...ada, lines: [{ sku: 'lamp', quantity: 1 }] });

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([504]));
    expect(patient.status).toBe(201);
    expect(await platform.service('orders')?.read()).toMatchObject({ circuits: { inventory: 'closed' } });
  });

  it('answers 503 with word of when to come again while the orders service is dead, and serves when it is back', async () => {
    await platform.kill('orders');
    const refused = await place({ ...ada, lines: [{ sku: 'lamp', quantity: 1 }] });
    await platform.start('orders');

    expect(refused).toMatchObject({ status: 503, retryAfter: '1', contentType: 'application/problem+json' });
    expect((await order(platform.url, refused, context)).status).toBe(201);
  });

  it('answers 503 with word of when to come again while PostgreSQL is down, and loses no order and no record by it', async () => {
    const lamp = { ...ada, lines: [{ sku: 'lamp', quantity: 1 }] };
    const before = await Promise.all(Array.from({ length: 10 }, () => place(lamp)));
    await platform.postgres.crash();
    const refused = await place(lamp);
    await platform.postgres.restart();
    await expect.poll(async () => (await order(platform.url, refused, context)).status, { timeout: 30_000 }).toBe(201);

    expect(before.map(({ status }) => status)).toEqual(before.map(() => 201));
    expect(refused).toMatchObject({ status: 503, retryAfter: '1' });
    expect(refused.contentType).toMatch(/^application\/problem\+json/);
    const refs = [...before, refused].map(({ ref }) => ref);
    const records = (): Promise<object[]> =>
      platform.postgres.query('select 1 from audit where order_ref = any($1)', [refs]);
    await expect.poll(async () => (await records()).length, { timeout: 30_000 }).toBe(refs.length);
    expect(died).toEqual([]);
  });

  it('ends in good order when RabbitMQ cuts its connections, and works when started again', async () => {
    const placed = await place({ ...ada, lines: [{ sku: 'lamp', quantity: 1 }] });
    await platform.rabbitmq.closeConnections('a test');
    await expect.poll(() => died.toSorted(), { timeout: 20_000 }).toEqual(['audit', 'orders']);
    for (const name of ['audit', 'orders'] as const) await platform.start(name);
    const again = await place({ ...ada, lines: [{ sku: 'lamp', quantity: 1 }] });

    expect([placed.status, again.status]).toEqual([201, 201]);
    const records = (): Promise<object[]> =>
      platform.postgres.query('select 1 from audit where order_ref = any($1)', [[placed.ref, again.ref]]);
    await expect.poll(async () => (await records()).length, { timeout: 10_000 }).toBe(2);
  });

  it('tells its platform how it is, and its metrics', async () => {
    for (const name of serviceNames) {
      const probes = `http://127.0.0.1:${platform.service(name)?.probesPort}`;
      expect((await fetch(`${probes}/readyz`)).status).toBe(200);
      expect((await fetch(`${probes}/livez`)).status).toBe(200);
    }
    const metricsOf = async (name: (typeof serviceNames)[number]) =>
      (await fetch(`http://127.0.0.1:${platform.service(name)?.probesPort}/metrics`)).text();
    const [gateway, orders, inventory] = await Promise.all(
      (['gateway', 'orders', 'inventory'] as const).map(metricsOf),
    );
    expect(gateway).toMatch(/holdfast_http_requests_total\{name="gateway",outcome="answered"\} [1-9]/);
    expect(gateway).toMatch(/holdfast_circuit_state\{name="orders",state="closed",key="http:[^"]+"\} 1/);
    expect(orders).toContain('holdfast_circuit_state{name="inventory",state="closed"} 1');
    expect(orders).toMatch(/holdfast_calls_total\{name="inventory",outcome="success"\} [1-9]/);
    expect(orders).toMatch(/holdfast_tracker_running_jobs\{name="background"\} \d/);
    expect(inventory).toMatch(/holdfast_grpc_calls_total\{name="inventory",outcome="answered"\} [1-9]/);
    expect(inventory).toMatch(/holdfast_sql_connections_in_use\{name="stock"\} \d/);
    await expect
      .poll(() => metricsOf('audit'), { timeout: 10_000 })
      .toMatch(/holdfast_consumer_messages_total\{name="records",outcome="handled"\} [1-9]/);
  });
});

/** Runs of a property: few in the check, more where `HOLDFAST_ORDERS_RUNS` says so. */
function runs(few: number): number {
  return Number(process.env['HOLDFAST_ORDERS_RUNS'] ?? few);
}
