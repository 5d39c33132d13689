import { Context, contextKey, onHookError } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { EnricherCost } from './enricher-cost.ts';
import { createEnrichment, type EnrichmentOptions } from './enrichment.ts';

const user = contextKey<string>('user');
const place = contextKey<string>('place');
const device = contextKey<string>('device');

let clock = virtualClock();
let root: Context;
let reported: unknown[] = [];
beforeEach(() => {
  clock = virtualClock();
  root = Context.withClock(clock);
  reported = [];
  onHookError(({ hook, cause }) => reported.push(hook, cause));
});
afterEach(() => void onHookError(undefined));

const after = <T>(ms: number, value: T): Promise<T> =>
  new Promise((resolve) => clock.setTimer(() => resolve(value), ms));

/** An essential enricher, a cheap one, and one whose cost can be set. */
function shop(options: Omit<EnrichmentOptions, 'enrichers'> = {}) {
  const cost = { placeMs: 40 };
  const enrichment = createEnrichment({
    clock,
    ...options,
    enrichers: {
      user: { key: user, isEssential: true, enrich: () => after(30, 'ada') },
      device: { key: device, enrich: () => 'phone' },
      place: { key: place, enrich: () => after(cost.placeMs, 'Oslo') },
    },
  });
  const visit = async (): Promise<unknown[]> => {
    const enriched = enrichment.enrich(root);
    await clock.advance(200);
    const derived = await enriched;
    return [user, device, place].map((key) => derived.value(key));
  };
  const reading = (name: string) => enrichment.snapshot().find((each) => each.name === name);
  return { enrichment, visit, reading, cost };
}

describe('enrichment', () => {
  it('adds what the enrichers find, side by side, and knows what each costs', async () => {
    const { enrichment, visit } = shop();

    expect(await visit()).toEqual(['ada', 'phone', 'Oslo']);
    expect(enrichment.snapshot()).toEqual([
      { name: 'user', isEssential: true, costMs: 30, ranCount: 1, shedCount: 0, failedCount: 0, lateCount: 0 },
      { name: 'device', isEssential: false, costMs: 0, ranCount: 1, shedCount: 0, failedCount: 0, lateCount: 0 },
      { name: 'place', isEssential: false, costMs: 40, ranCount: 1, shedCount: 0, failedCount: 0, lateCount: 0 },
    ]);
  });

  it('(1): gives up what costs more than 15 ms while there is too much to do, and takes it back after', async () => {
    let isOverloaded = false;
    const { visit, reading } = shop({ isOverloaded: () => isOverloaded });
    await visit();

    isOverloaded = true;
    expect(await visit()).toEqual(['ada', 'phone', undefined]);
    expect(reading('place')).toMatchObject({ ranCount: 1, shedCount: 1 });
    isOverloaded = false;
    expect(await visit()).toEqual(['ada', 'phone', 'Oslo']);
  });

  it('(1): is switched by hand while it works', async () => {
    const { enrichment, visit } = shop({ mode: 'all', isOverloaded: () => true });
    expect(await visit()).toEqual(['ada', 'phone', 'Oslo']);

    enrichment.update({ mode: 'essential' });
    expect([enrichment.mode, await visit()]).toEqual(['essential', ['ada', undefined, undefined]]);
    enrichment.update({ mode: 'cheap' });
    expect(await visit()).toEqual(['ada', 'phone', undefined]);
    enrichment.update({ maxCostMs: 40 });
    expect(await visit()).toEqual(['ada', 'phone', 'Oslo']);
    expect(() => enrichment.update({ mode: 'none' as never })).toThrow('enrichment.mode must be one of');
    expect(() => enrichment.update({ enrichers: {} } as never)).toThrow('has no option "enrichers"');
    expect(enrichment.mode).toBe('cheap');
  });

  it('enricher-cost (1): tries what it gave up once in a while, and takes it back when it is cheap', async () => {
    const { visit, reading, cost } = shop({ mode: 'cheap', probeEveryMs: 1000 });
    await visit();
    cost.placeMs = 1;
    const seen: unknown[] = [];
    for (let request = 0; request < 50; request++) seen.push((await visit())[2]);

    expect(seen.slice(0, 5)).toEqual([undefined, undefined, undefined, undefined, 'Oslo']);
    expect(seen.slice(-10).every((value) => value === 'Oslo')).toBe(true);
    expect(reading('place')?.costMs).toBeLessThanOrEqual(15);
  });

  it('(2), (3): is not held up by what fails, hangs or is late', async () => {
    const boom = new Error('boom');
    let ended: unknown;
    const enrichment = createEnrichment({
      clock,
      maxWaitMs: 50,
      enrichers: {
        sync: { key: contextKey<number>('a'), enrich: () => { throw boom; } }, // prettier-ignore
        async: { key: contextKey<number>('b'), enrich: () => Promise.reject(boom) },
        hangs: {
          key: place,
          enrich: (context) => new Promise<string>(() => context.onCancel(() => (ended = clock.now()))),
        },
        late: { key: user, enrich: () => after(80, 'too late') },
        failsLate: { key: user, enrich: async () => { await after(90, 0); throw boom; } }, // prettier-ignore
        fine: { key: device, enrich: async () => 'phone' },
      },
    });
    const enriched = enrichment.enrich(root);
    await clock.advance(50);
    const context = await enriched;

    expect([context.value(device), context.value(place), context.value(user), ended]).toEqual([
      'phone',
      undefined,
      undefined,
      50,
    ]);
    await clock.advance(100);
    expect(
      enrichment.snapshot().map(({ name, failedCount, lateCount, costMs }) => [name, failedCount, lateCount, costMs]),
    ).toEqual([
      ['sync', 1, 0, 0],
      ['async', 1, 0, 0],
      ['hangs', 0, 1, undefined],
      ['late', 0, 1, 80],
      ['failsLate', 0, 1, 90],
      ['fine', 0, 0, 0],
    ]);
    expect(reported).toEqual(['enrich of sync', boom, 'enrich of async', boom]);
    expect(clock.pendingCount).toBe(0);
  });

  it('(3): ends with the context', async () => {
    const { enrichment } = shop();
    const context = root.withTimeout(10);
    const enriched = enrichment.enrich(context).catch((error: unknown) => error);
    await clock.advance(10);

    expect(await enriched).toBe(context.cause);
    await expect(enrichment.enrich(context)).rejects.toBe(context.cause);
    await clock.advance(100);
    expect(clock.pendingCount).toBe(0);
  });

  it('(3): waits for an essential one as long as the context lives', async () => {
    const enrichment = createEnrichment({
      clock,
      maxWaitMs: 0,
      enrichers: {
        user: { key: user, isEssential: true, enrich: () => after(5000, 'ada') },
        place: { key: place, enrich: () => after(1, 'Oslo') },
        device: { key: device, enrich: () => 'phone' },
      },
    });
    const enriched = enrichment.enrich(root);
    await clock.advance(5000);

    expect([user, place, device].map((key) => root.value(key))).toEqual([undefined, undefined, undefined]);
    const context = await enriched;
    expect([user, place, device].map((key) => context.value(key))).toEqual(['ada', undefined, 'phone']);
  });

  it('runs all where isOverloaded throws', async () => {
    const { visit } = shop({ isOverloaded: () => { throw 'oops'; } }); // prettier-ignore
    await visit();

    expect(await visit()).toEqual(['ada', 'phone', 'Oslo']);
    expect(reported).toEqual(['isOverloaded', 'oops', 'isOverloaded', 'oops']);
  });

  it.each<[kind: string, isOverloaded: () => unknown]>([
    ['a promise of false', async () => false],
    ['a promise that rejects', () => Promise.reject(new Error('mine'))],
    ['a number', () => 1],
  ])('runs all where isOverloaded answers with %s, and reports it', async (_kind, isOverloaded) => {
    const { visit } = shop({ isOverloaded: isOverloaded as never });
    await visit();

    expect(await visit()).toEqual(['ada', 'phone', 'Oslo']);
    const report = ['isOverloaded', expect.any(TypeError)];
    expect(reported).toEqual([...report, ...report]);
  });

  it('(2): is not held up by an answer that cannot be waited for', async () => {
    const boom = new Error('boom');
    const getter = new Proxy({}, { get: () => { throw boom; } }); // prettier-ignore
    const promise = Object.defineProperty(Promise.resolve(1), 'constructor', { get: () => { throw boom; } }); // prettier-ignore
    const enrichment = createEnrichment({
      clock,
      enrichers: {
        getter: { key: user, enrich: () => getter as never },
        promise: { key: place, enrich: () => promise as never },
        fine: { key: device, enrich: () => 'phone' },
      },
    });
    const context = await enrichment.enrich(root);

    expect([user, place, device].map((key) => context.value(key))).toEqual([undefined, undefined, 'phone']);
    expect(enrichment.snapshot().map(({ failedCount, costMs }) => [failedCount, costMs])).toEqual([[1, 0], [1, 0], [0, 0]]); // prettier-ignore
    expect(reported).toEqual(['enrich of getter', boom, 'enrich of promise', boom]);
    expect(clock.pendingCount).toBe(0);
  });

  it.each<[message: string, options: object]>([
    ['enrichment.enrichers must be an object of enrichers', {}],
    ['enrichment.enrichers must be an object of enrichers', { enrichers: new Map() }],
    ['enrichment.enrichers must be an object of enrichers', { enrichers: [] }],
    ['enrichment.enrichers must be an object of enrichers', { enrichers: Promise.resolve({}) }],
    ['enrichment.enrichers.a.key must be made by contextKey()', { enrichers: { a: { key: {}, enrich: () => 1 } } }],
    ['enrichment.enrichers.a must be an object of options', { enrichers: { a: null } }],
    ['enrichment.enrichers.a.key must be made by contextKey()', { enrichers: { a: { key: 'a', enrich: () => 1 } } }],
    ['enrichment.enrichers.a.enrich must be a function', { enrichers: { a: { key: user } } }],
    [
      'enrichment.enrichers.a.isEssential must be one of',
      { enrichers: { a: { key: user, enrich: () => 'x', isEssential: 1 } } },
    ],
    ['enrichment.enrichers.a has no option "essential"', { enrichers: { a: { key: user, essential: true } } }],
    ['enrichment.mode must be one of', { enrichers: {}, mode: 'off' }],
    ['enrichment.maxCostMs must be a number from 0 to 60000', { enrichers: {}, maxCostMs: Infinity }],
    ['enrichment.maxWaitMs must be a number from 0 to 60000', { enrichers: {}, maxWaitMs: -1 }],
    ['enrichment.probeEveryMs must be a number from 0', { enrichers: {}, probeEveryMs: NaN }],
    ['enrichment.isOverloaded must be a function', { enrichers: {}, isOverloaded: true }],
  ])('%s: %j', (message, options) => {
    expect(() => createEnrichment(options as never)).toThrow(message);
  });

  it.each([undefined, null, {}, []])('says that it needs a context, not %j', async (context) => {
    const { enrichment } = shop();

    await expect(enrichment.enrich(context as never)).rejects.toThrow('enrich needs a Context');
    expect(enrichment.snapshot()[0]?.ranCount).toBe(0);
  });

  it('of nothing is the context itself', async () => {
    expect(await createEnrichment({ enrichers: {} }).enrich(root)).toBe(root);
    await settle();
  });
});

describe('enricher cost', () => {
  it('(1): is a moving average, and what is too dear is due once per interval', () => {
    const cost = new EnricherCost();
    expect(cost.isWorthIt(0, 15, 1000)).toBe(true);
    cost.noteRun(0);
    cost.add(20);
    cost.add(30);
    expect(cost.averageMs).toBe(22);

    expect([999, 1000, 1001].map((now) => cost.isWorthIt(now, 15, 1000))).toEqual([false, true, true]);
    cost.noteRun(1001);
    expect([2000, 2001].map((now) => cost.isWorthIt(now, 15, 1000))).toEqual([false, true]);
    expect([cost.isWorthIt(2000, 22, 1000), cost.isWorthIt(2000, 0, 0)]).toEqual([true, true]);
  });
});
