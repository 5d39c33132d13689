import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { describe, expect, it } from 'vitest';

import { UNREAD } from '../../kernel/clock.ts';
import { background } from '../../kernel/context.ts';
import { contextKey } from '../../kernel/context-values.ts';
import type { Layer } from '../../kernel/handler.ts';
import { onHookError } from '../../kernel/hooks.ts';
import type { PipelineTap, TapPlace } from '../../kernel/pipeline-tap.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { type NamedPolicy, type Policy, createPolicy } from '../../kernel/policy.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { noop } from '../noop/noop.ts';
import { keyed } from './keyed.ts';

const tenant = contextKey<string>('tenant');
const of = (key: string) => background.withValue(tenant, key);
const keyOf = (context: { value(key: typeof tenant): string | undefined }): string => context.value(tenant) ?? '';

const nameOf = (policy: Policy<unknown> | undefined) => (policy as Partial<NamedPolicy> | undefined)?.name ?? '-';

function pathOf({ within, key, outside }: TapPlace): string {
  const own = key === undefined ? within.name : `${within.name}[${key}]`;
  return outside === undefined ? own : `${pathOf(outside)} ${own}`;
}

function noting(passed: string[]): PipelineTap {
  return {
    layerBetween: (outer, inner, place): Layer => {
      const gap = `${pathOf(place)}: ${nameOf(outer)} > ${nameOf(inner)}`;
      return (next) => (operation, context, sink, now) => {
        passed.push(gap);
        next(operation, context, sink, now);
      };
    },
  };
}

describe('tapped members', () => {
  it('are seen in a pipeline, each by its key, with the policies of those that are pipelines', async () => {
    const passed: string[] = [];
    const tenants = keyed({ name: 'tenants', keyOf, make: (_key, name) => pipeline({ name }, noop()) });
    const api = pipeline({ name: 'api' }, tenants);
    const remove = api.tapWith(noting(passed));

    await api.execute(() => 1, of('ada'));

    expect(passed.splice(0)).toEqual([
      'api: - > tenants',
      'api tenants[ada]: - > tenants/ada',
      'api tenants[ada] tenants/ada: - > noop',
      'api tenants[ada] tenants/ada: noop > -',
      'api tenants[ada]: tenants/ada > -',
      'api: tenants > -',
    ]);
    await tenants.execute(() => 1, of('ada'));
    remove();
    await api.execute(() => 1, of('ada'));
    expect(passed).toEqual([]);
    expect(tenants.get('ada')?.calls.success).toBe(3);
  });

  it('are seen where the tap is attached to the keyed policy, and once where it is to the pipeline around that, too', async () => {
    const passed: string[] = [];
    const tenants = keyed({ name: 'tenants', keyOf, make: (_key, name) => noop({ name }) });
    const api = pipeline({ name: 'api' }, tenants);
    const tap = noting(passed);
    const remove = tenants.tapWith(tap);
    const own = [
      'tenants: - > tenants',
      'tenants[ada]: - > tenants/ada',
      'tenants[ada]: tenants/ada > -',
      'tenants: tenants > -',
    ];

    await tenants.execute(() => 1, of('ada'));
    expect(passed.splice(0)).toEqual(own);
    await api.execute(() => 1, of('ada'));
    expect(passed.splice(0)).toEqual(own);

    api.tapWith(tap);
    await api.execute(() => 1, of('ada'));
    expect(passed.splice(0)).toEqual([
      'api: - > tenants',
      'api tenants[ada]: - > tenants/ada',
      'api tenants[ada]: tenants/ada > -',
      'api: tenants > -',
    ]);
    remove();
    remove();
    await tenants.execute(() => 1, of('ada'));
    expect(passed).toEqual([]);
  });

  it('are seen where the tapped keyed policy is itself a member of another, which nobody taps', async () => {
    const passed: string[] = [];
    const tenants = keyed({ name: 'tenants', keyOf, make: (_key, name) => noop({ name }) });
    const regions = keyed({ name: 'regions', keyOf: () => 'north', make: () => tenants });
    const remove = tenants.tapWith(noting(passed));

    await regions.execute(() => 1, of('ada'));

    expect(passed.splice(0)).toEqual([
      'tenants: - > tenants',
      'tenants[ada]: - > tenants/ada',
      'tenants[ada]: tenants/ada > -',
      'tenants: tenants > -',
    ]);
    remove();
    expect(await regions.execute(() => 2, of('ada'))).toBe(2);
    expect(passed).toEqual([]);
  });

  it('are passed by under observe and off, and what stands around the keyed policy is not', async () => {
    const passed: string[] = [];
    const tenants = keyed({ name: 'tenants', keyOf, make: (_key, name) => noop({ name }) });
    tenants.tapWith(noting(passed));
    const around = ['tenants: - > tenants', 'tenants: tenants > -'];

    for (const enforcement of ['observe', 'off'] as const) {
      tenants.update({ enforcement });
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await tenants.execute(() => enforcement, of('ada'))).toBe(enforcement);
      expect(passed.splice(0)).toEqual(around);
    }
  });

  it('(1): leave nothing behind when they are forgotten, while the tap stays', async () => {
    const tenants = keyed({ name: 'tenants', keyOf, make: (_key, name) => pipeline({ name }, noop()) });
    tenants.tapWith(noting([]));
    const refs = await Promise.all(
      ['ada', 'bob'].map(async (key) => {
        await tenants.execute(() => 1, of(key));
        const ref = new WeakRef(tenants.get(key) as object);
        tenants.delete(key);
        return ref;
      }),
    );

    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    for (let turn = 0; turn < 50 && refs.some((ref) => ref.deref() !== undefined); turn++) {
      // oxlint-disable-next-line no-await-in-loop -- a collection at a time
      await settle();
      collect();
    }

    expect(refs.map((ref) => ref.deref())).toEqual([undefined, undefined]);
    await tenants.execute(() => 1, of('ada'));
    expect(tenants.keys()).toEqual(['ada']);
  });

  it('(2): with a layer that throws are reported once, and the overflow member serves their calls', async () => {
    const reported: string[] = [];
    const before = onHookError((error) => reported.push(error.hook));
    const served: string[] = [];
    const make = (key: string, name: string): Policy =>
      createPolicy({
        kind: 'served',
        name,
        layer: (inner) => (operation, context, sink, now) => {
          served.push(key);
          inner(operation, context, sink, now);
        },
      });
    const broken = (): Policy =>
      Object.assign({ execute: () => Promise.reject(new Error('unused')) }, { layer: () => JSON.parse('{') as never });
    const tenants = keyed<Policy>({
      name: 'tenants',
      keyOf,
      make: (key, name) => (key === 'ada' ? broken() : make(key, name)),
    });
    tenants.tapWith(noting([]));

    expect(await tenants.execute(() => 1, of('ada'))).toBe(1);
    expect(await tenants.execute(() => 2, of('ada'))).toBe(2);

    onHookError(before);
    expect(reported).toEqual(['make']);
    expect(served).toEqual(['__other__', '__other__']);
  });

  it('(3): on another clock get no instant of ours, nor we of theirs', async () => {
    const instants: number[] = [];
    const [own, other] = [virtualClock(), virtualClock(1_000_000)];
    const onClock = (name: string): NamedPolicy =>
      createPolicy({
        kind: 'seen',
        name,
        clock: other,
        layer: (inner) => (operation, context, sink, now) => {
          instants.push(now);
          inner(operation, context, sink, other.now());
        },
      });
    const tenants = keyed({ name: 'tenants', keyOf, make: (_key, name) => onClock(name), clock: own });
    const seen: number[] = [];
    tenants.tapWith({
      layerBetween: (outer) => (next) => (operation, context, sink, now) => {
        if (outer === tenants) seen.push(now);
        next(operation, context, sink, now);
      },
    });
    await own.advance(5);

    await tenants.execute(() => 1, of('ada'));

    expect(instants).toEqual([UNREAD]);
    expect(seen).toEqual([UNREAD]);
  });
});
