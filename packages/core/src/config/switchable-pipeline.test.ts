import { describe, expect, it } from 'vitest';

import { Context } from '../kernel/context.ts';
import { type Pipeline, pipeline } from '../kernel/pipeline.ts';
import { createPolicy } from '../kernel/policy.ts';
import { bulkhead } from '../policies/bulkhead/bulkhead.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { describe as describePolicy } from '../inspection/describe.ts';
import { observe } from '../testing/operation-table.ts';
import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { SwitchablePipeline } from './switchable-pipeline.ts';

const clock = virtualClock();

/** A policy that notes when calls go in and come out. */
function noting(log: string[], name: string) {
  return createPolicy({
    kind: 'noting',
    name,
    layer: (inner) => (operation, context, sink, now) => {
      log.push(`into ${name}`);
      inner(
        operation,
        context,
        {
          resolve: (value, at) => (log.push(`out of ${name}`), sink.resolve(value, at)),
          reject: (error, at) => sink.reject(error, at),
          refuse: (error, at) => sink.refuse(error, at),
        },
        now,
      );
    },
  });
}

const versionOf = (log: string[], name: string): Pipeline<unknown> => pipeline({ name: 'prices' }, noting(log, name));

describe('switchable pipeline', () => {
  it('(1) runs a call through the policies of its start, and the next one through the new ones', async () => {
    const log: string[] = [];
    const prices = new SwitchablePipeline(versionOf(log, 'one'), clock);
    let finish: (value: number) => void = () => {};
    const early = observe(prices.execute(() => new Promise((resolve) => (finish = resolve))));

    prices.switchTo(versionOf(log, 'two'));
    await prices.execute(() => 2);
    finish(1);
    await settle();

    expect(early()).toEqual({ status: 'fulfilled', value: 1 });
    expect(log).toEqual(['into one', 'into two', 'out of two', 'out of one']);
  });

  it('(3) a meter hears of the calls of all its pipelines, also of those that a switch has found under way', async () => {
    const prices = new SwitchablePipeline(versionOf([], 'one'), clock);
    const heard: string[] = [];
    const attached = prices.meterWith({ record: ({ outcome }) => heard.push(outcome) });
    let finish: (value: number) => void = () => {};
    const early = prices.execute(() => new Promise((resolve) => (finish = resolve)));
    prices.switchTo(versionOf([], 'two'));
    await prices.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    finish(1);
    await early;
    attached.renew();
    attached.detach();
    attached.detach();
    await prices.execute(() => 2);

    expect(heard).toEqual(['failure', 'success']);
  });

  it('(2) switches inside another pipeline, and where it was wrapped around a function', async () => {
    const log: string[] = [];
    const prices = new SwitchablePipeline(versionOf(log, 'one'), clock);
    const outer = pipeline(timeout({ timeoutMs: 100, clock }), prices, noting(log, 'inner'));
    const wrapped = prices.wrap((_context: Context, n: number) => n);
    await outer.execute(() => 1);
    prices.switchTo(versionOf(log, 'two'));
    await outer.execute(() => 2);

    expect(await wrapped(undefined as never, 3)).toBe(3);
    expect(log.filter((line) => line.startsWith('into'))).toEqual([
      'into one',
      'into inner',
      'into two',
      'into inner',
      'into two',
    ]);
  });

  it('(3) counts on over switches, calls of before included', async () => {
    const prices = new SwitchablePipeline(versionOf([], 'one'), clock);
    let finish: (value: number) => void = () => {};
    await prices.execute(() => 1);
    const early = prices.execute(() => new Promise((resolve) => (finish = resolve)));
    for (const name of ['two', 'three', 'four']) {
      prices.switchTo(versionOf([], name));
      await prices.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    }

    expect(prices.calls).toEqual({ success: 1, failure: 3, rejected: 0, cancelled: 0, running: 1 });
    finish(1);
    await early;
    prices.switchTo(versionOf([], 'five'));
    expect(prices.calls).toEqual({ success: 2, failure: 3, rejected: 0, cancelled: 0, running: 0 });
  });

  it('(3) adds up every outcome', async () => {
    const prices = new SwitchablePipeline(pipeline({ name: 'prices' }, bulkhead(1)), clock);
    const calls = async (): Promise<void> => {
      const context = Context.background.withCancel();
      const call = observe(prices.execute(() => new Promise(() => {}), context));
      await prices.execute(() => 1).catch(() => {});
      context.cancel();
      await settle();
      expect(call().status).toBe('rejected');
    };
    await calls();
    prices.switchTo(pipeline({ name: 'prices' }, bulkhead(1)));
    await calls();

    expect(prices.calls).toEqual({ success: 0, failure: 0, rejected: 2, cancelled: 2, running: 0 });
  });

  it('is a layer of pipelines, not a policy of which nothing is known', () => {
    expect(new SwitchablePipeline(versionOf([], 'one'), clock).layer).toBeTypeOf('function');
  });

  it('(3) keeps no pipeline that has no call left', async () => {
    const prices = new SwitchablePipeline(versionOf([], 'one'), clock);
    for (let version = 0; version < 100; version++) prices.switchTo(versionOf([], `v${version}`));

    expect((prices as unknown as { retired: readonly unknown[] }).retired).toHaveLength(0);
  });

  it('is described as what it is now', () => {
    const prices = new SwitchablePipeline(versionOf([], 'one'), clock);
    prices.switchTo(pipeline({ name: 'prices' }, timeout(100)));

    expect(describePolicy(prices)).toMatchObject({ name: 'prices', worstCase: { maxTimeMs: 100 } });
    expect(prices.policies).toHaveLength(1);
  });
});
