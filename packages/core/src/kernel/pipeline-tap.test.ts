import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, it } from 'vitest';

import { bulkhead } from '../policies/bulkhead/bulkhead.ts';
import { fallback } from '../policies/fallback/fallback.ts';
import { noop } from '../policies/noop/noop.ts';
import { retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { SwitchablePipeline } from '../config/switchable-pipeline.ts';
import { UNREAD, systemClock } from './clock.ts';
import type { Layer } from './handler.ts';
import { onHookError } from './hooks.ts';
import type { PipelineTap } from './pipeline-tap.ts';
import { pipeline } from './pipeline.ts';
import { type NamedPolicy, type Policy, createPolicy } from './policy.ts';

const nameOf = (policy: Policy<unknown> | undefined) => (policy as Partial<NamedPolicy> | undefined)?.name ?? '-';

/** A tap that notes which gap a call passes on its way in. */
function noting(passed: string[], mark = ''): PipelineTap {
  return {
    layerBetween: (outer, inner, { within }): Layer => {
      const gap = `${mark}${within.name}: ${nameOf(outer)} > ${nameOf(inner)}`;
      return (next) => (operation, context, sink, now) => {
        passed.push(gap);
        next(operation, context, sink, now);
      };
    },
  };
}

describe('pipeline tap', () => {
  it('puts its layers before, between and after the policies, for each try anew', async () => {
    const passed: string[] = [];
    const policy = pipeline({ name: 'p' }, retry({ baseDelayMs: 0, maxAttempts: 2 }), bulkhead(3));
    policy.tapWith(noting(passed));
    let runs = 0;

    const value = await policy.execute(() => {
      if (++runs === 1) throw new Error('down');
      return 'value';
    });

    expect(value).toBe('value');
    expect(passed).toEqual([
      'p: - > retry',
      'p: retry > bulkhead',
      'p: bulkhead > -',
      'p: retry > bulkhead',
      'p: bulkhead > -',
    ]);
    expect(policy.calls).toEqual({ success: 1, failure: 0, rejected: 0, cancelled: 0, running: 0 });
  });

  it('taps the pipelines that are part of the pipeline, and counts their calls as before', async () => {
    const passed: string[] = [];
    const inner = pipeline({ name: 'inner' }, noop());
    const outer = pipeline({ name: 'outer' }, inner, timeout(1000));
    outer.tapWith(noting(passed));

    await outer.execute(() => 1);
    await inner.execute(() => 1);

    expect(passed).toEqual([
      'outer: - > inner',
      'inner: - > noop',
      'inner: noop > -',
      'outer: inner > timeout',
      'outer: timeout > -',
    ]);
    expect(inner.calls.success).toBe(2);
  });

  it('pipeline (5): leaves calls under way as they were, and is gone when it is removed, once', async () => {
    const passed: string[] = [];
    const policy = pipeline({ name: 'p' }, noop());
    let finish: (value: number) => void = () => {};
    const early = policy.execute(() => new Promise<number>((resolve) => (finish = resolve)));
    const remove = policy.tapWith(noting(passed, 'one '));
    const removeOther = policy.tapWith(noting(passed, 'two '));
    finish(7);
    expect(await early).toBe(7);
    expect(passed).toEqual([]);

    await policy.execute(() => 1);
    expect(passed).toEqual(['one p: - > noop', 'two p: - > noop', 'one p: noop > -', 'two p: noop > -']);

    remove();
    remove();
    passed.length = 0;
    await policy.execute(() => 1);
    expect(passed).toEqual(['two p: - > noop', 'two p: noop > -']);
    removeOther();
    passed.length = 0;
    await policy.execute(() => 1);
    expect(passed).toEqual([]);
    expect(policy.calls).toMatchObject({ success: 4, running: 0 });
  });

  it('pipeline (5): leaves nothing behind, also where another stays that sleeps', async () => {
    const policy = pipeline({ name: 'p' }, noop());
    policy.tapWith({ ...noting([]), isAwake: () => false });
    const removed = await (async () => {
      const tap = noting([]);
      const remove = policy.tapWith(tap);
      await policy.execute(() => 1);
      remove();
      return new WeakRef(tap);
    })();

    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    for (let turn = 0; turn < 50 && removed.deref() !== undefined; turn++) {
      // oxlint-disable-next-line no-await-in-loop -- a collection at a time
      await settle();
      collect();
    }

    expect(removed.deref()).toBeUndefined();
    expect(await policy.execute(() => 1)).toBe(1);
  });

  it('(1) that throws is reported and puts in nothing', async () => {
    const reported: string[] = [];
    const before = onHookError((error) => reported.push(error.hook));
    const policy = pipeline({ name: 'p' }, noop());
    const tap: PipelineTap = {
      layerBetween: () => {
        throw new Error('a bug');
      },
    };

    policy.tapWith(tap);

    expect(await policy.execute(() => 1)).toBe(1);
    onHookError(before);
    expect(reported).toEqual(['tap', 'tap']);
  });

  it.each([
    ['throws when it is fused', () => JSON.parse('{') as never],
    ['gives no handler', () => undefined],
    ['is none', null],
  ])('(1) whose layer %s is reported and puts in nothing, also in what is part of another', async (_, layer) => {
    const reported: string[] = [];
    const before = onHookError((error) => reported.push(error.hook));
    const inner = pipeline({ name: 'inner' }, noop());
    const outer = pipeline({ name: 'outer' }, inner);
    inner.tapWith({ layerBetween: () => layer } as unknown as PipelineTap);

    expect(await inner.execute(() => 1)).toBe(1);
    expect(await outer.execute(() => 2)).toBe(2);

    onHookError(before);
    expect(reported).toEqual(['tap', 'tap', 'tap', 'tap']);
  });

  it('(1) is passed by where the layer of a policy throws when it is fused once more', async () => {
    const reported: string[] = [];
    const before = onHookError((error) => reported.push(error.hook));
    let canFuse = true;
    const once = createPolicy({ kind: 'once', name: 'once', layer: (inner) => (canFuse ? inner : JSON.parse('{')) });
    const policy = pipeline({ name: 'p' }, once);
    canFuse = false;
    const passed: string[] = [];
    policy.tapWith(noting(passed));

    expect(await policy.execute(() => 1)).toBe(1);
    expect(await policy.execute(() => 2)).toBe(2);

    onHookError(before);
    expect(reported).toEqual(['tap']);
    expect(passed).toEqual([]);
  });

  it.each([undefined, null, {}, () => undefined])('refuses %s, which is no tap, and attaches nothing', async (tap) => {
    const policy = pipeline(noop());
    expect(() => policy.tapWith(tap as never)).toThrow('tapWith needs a tap: an object with layerBetween');
    expect(await policy.execute(() => 1)).toBe(1);
  });

  it('(4) may take another away, and call, while its layers are fused', async () => {
    const passed: string[] = [];
    const inner = pipeline({ name: 'inner' }, noop());
    const outer = pipeline({ name: 'outer' }, inner);
    const nested: Promise<unknown>[] = [];
    const remove = inner.tapWith(noting(passed));
    inner.tapWith({
      layerBetween: () => {
        remove();
        nested.push(
          inner.execute(() => 1),
          outer.execute(() => 1),
        );
        return undefined;
      },
    });

    await inner.execute(() => 1);
    await outer.execute(() => 1);
    await Promise.all(nested);
    passed.length = 0;
    await inner.execute(() => 1);
    await outer.execute(() => 1);

    expect(passed).toEqual([]);
  });

  it('keeps layers on different clocks apart', async () => {
    const instants: number[] = [];
    const [one, other] = [virtualClock(), virtualClock(1_000_000)];
    const onClock = (clock: typeof one): NamedPolicy =>
      createPolicy({
        kind: 'seen',
        name: 'seen',
        clock,
        layer: (inner) => (operation, context, sink, now) => {
          instants.push(now);
          inner(operation, context, sink, clock.now());
        },
      });
    const policy = pipeline(onClock(one), onClock(other));
    policy.tapWith(noting([]));

    await policy.execute(() => 1);

    expect(instants).toEqual([UNREAD, UNREAD]);
  });

  it('stays over a change of a configured pipeline, and goes when it is removed', async () => {
    const passed: string[] = [];
    const switchable = new SwitchablePipeline(pipeline({ name: 'p' }, noop()), systemClock);
    const remove = switchable.tapWith(noting(passed));
    switchable.switchTo(pipeline({ name: 'p' }, fallback({ name: 'next', value: 0 })));
    await switchable.execute(() => 1);
    expect(passed).toEqual(['p: - > next', 'p: next > -']);

    remove();
    passed.length = 0;
    await switchable.execute(() => 1);

    expect(passed).toEqual([]);
  });

  it('(2): of what is part of another is passed once, whether it is attached to one of the two or to both', async () => {
    const passed: string[] = [];
    const inner = pipeline({ name: 'inner' }, noop());
    const outer = pipeline({ name: 'outer' }, inner);
    const tap = noting(passed);
    const ofInner = ['inner: - > noop', 'inner: noop > -'];
    const removeInner = inner.tapWith(tap);
    await outer.execute(() => 1);
    expect(passed.splice(0)).toEqual(ofInner);

    const removeOuter = outer.tapWith(tap);
    await outer.execute(() => 1);
    expect(passed.splice(0)).toEqual(['outer: - > inner', ...ofInner, 'outer: inner > -']);
    removeInner();
    await outer.execute(() => 1);
    expect(passed.splice(0)).toEqual(['outer: - > inner', ...ofInner, 'outer: inner > -']);
    removeOuter();
    await outer.execute(() => 1);
    expect(passed).toEqual([]);
    expect(inner.calls.success).toBe(4);
  });

  it('(2): attached twice is passed once, until it has been taken away twice', async () => {
    const passed: string[] = [];
    const policy = pipeline({ name: 'p' }, noop());
    const tap = noting(passed);
    const removals = [policy.tapWith(tap), policy.tapWith(tap)];
    await policy.execute(() => 1);
    removals[0]?.();
    await policy.execute(() => 1);
    removals[0]?.();
    await policy.execute(() => 1);
    expect(passed).toHaveLength(6);
    removals[1]?.();
    await policy.execute(() => 1);
    expect(passed).toHaveLength(6);
  });

  it('(3): that sleeps is passed by, by calls that start then; one that has started with it goes on with it', async () => {
    const passed: string[] = [];
    let isAwake = false;
    const policy = pipeline({ name: 'p' }, retry({ baseDelayMs: 0, maxAttempts: 2 }));
    policy.tapWith({ ...noting(passed), isAwake: () => isAwake });
    await policy.execute(() => 1);
    expect(passed).toEqual([]);

    isAwake = true;
    let runs = 0;
    await policy.execute(() => {
      isAwake = false;
      if (++runs === 1) throw new Error('down');
      return 1;
    });
    expect(passed.splice(0)).toEqual(['p: - > retry', 'p: retry > -', 'p: retry > -']);
    await policy.execute(() => 1);
    expect(passed).toEqual([]);
    expect(policy.calls.success).toBe(3);
  });

  it('(1), (3): beside one that is awake is passed; one that cannot say is reported and passed by', async () => {
    const passed: string[] = [];
    const reported: string[] = [];
    const before = onHookError((error) => reported.push(error.hook));
    const policy = pipeline({ name: 'p' }, noop());
    const broken = (): never => {
      throw new Error('a bug');
    };
    policy.tapWith({ ...noting(passed, 'one '), isAwake: broken });
    await policy.execute(() => 1);
    expect(passed).toEqual([]);
    const remove = policy.tapWith(noting(passed, 'two '));
    await policy.execute(() => 1);

    onHookError(before);
    expect(reported).toEqual(['tap', 'tap']);
    expect(passed.splice(0)).toEqual(['one p: - > noop', 'two p: - > noop', 'one p: noop > -', 'two p: noop > -']);
    remove();
  });

  it('sees a configured pipeline that is part of another, after its policies have changed as well', async () => {
    const passed: string[] = [];
    const inner = new SwitchablePipeline(pipeline({ name: 'inner' }, noop()), systemClock);
    const outer = pipeline({ name: 'outer' }, inner);
    const tap = noting(passed);
    outer.tapWith(tap);
    inner.tapWith(tap);
    await outer.execute(() => 1);
    expect(passed.splice(0)).toEqual(['outer: - > inner', 'inner: - > noop', 'inner: noop > -', 'outer: inner > -']);

    inner.switchTo(pipeline({ name: 'inner' }, fallback({ name: 'next', value: 0 })));
    await outer.execute(() => 1);

    expect(passed).toEqual(['outer: - > inner', 'inner: - > next', 'inner: next > -', 'outer: inner > -']);
    expect(inner.calls.success).toBe(2);
  });
});
