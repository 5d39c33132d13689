import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';

import { bulkhead } from '../policies/bulkhead/bulkhead.ts';
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { fallback } from '../policies/fallback/fallback.ts';
import { retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { after, never, observe, operationTable, settled } from '../testing/operation-table.ts';
import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { Context } from './context.ts';
import { type Pipeline, pipeline } from './pipeline.ts';
import { type Layer } from './handler.ts';
import { type LayeredPolicy, type Policy, createPolicy } from './policy.ts';

/** A built-in policy that notes the way in and out. */
function tracing(name: string, trace: string[]): LayeredPolicy {
  const layer: Layer = (inner) => (operation, context, sink, now) => {
    trace.push(`${name} in`);
    const out = (): unknown => trace.push(`${name} out`);
    inner(
      operation,
      context,
      {
        resolve: (value, at) => (out(), sink.resolve(value, at)),
        reject: (error, at) => (out(), sink.reject(error, at)),
        refuse: (error, at) => (out(), sink.refuse(error, at)),
      },
      now,
    );
  };
  return createPolicy({ kind: 'tracing', name, layer });
}

/** The same with nothing but `execute`. */
function foreign(name: string, trace: string[]): Policy {
  return {
    async execute(operation, context) {
      trace.push(`${name} in`);
      try {
        return await operation(context ?? Context.background);
      } finally {
        trace.push(`${name} out`);
      }
    },
  };
}

describe('pipeline', () => {
  it('(1) the first policy is the outermost, built in or foreign, in any order', async () => {
    const property = fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 6 }), fc.boolean(), async (plan, fails) => {
      const trace: string[] = [];
      const policies = plan.map((isForeign, index) => (isForeign ? foreign : tracing)(`p${index}`, trace));
      const names = plan.map((_isForeign, index) => `p${index}`);
      const call = await settled(
        pipeline(...policies).execute(() => {
          trace.push('operation');
          if (fails) throw new Error('boom');
        }),
      );

      const out = names.toReversed().map((name) => `${name} out`);
      expect(trace).toEqual([...names.map((name) => `${name} in`), 'operation', ...out]);
      expect(call.status).toBe(fails ? 'rejected' : 'fulfilled');
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it.each(operationTable())(
    '(2) hands on by identity, through built-in and foreign ones, when it $title',
    async ({ operation, expected }) => {
      const policies = [tracing('a', []), foreign('b', []), bulkhead(), foreign('c', []), circuitBreaker()];
      const call = await settled(pipeline(...policies).execute(operation));

      expect(call).toEqual(expected);
      if (call.status === 'rejected' && expected.status === 'rejected') expect(call.error).toBe(expected.error);
    },
  );

  it('(3) charter K7: counts each call once, by how it ended', async () => {
    const clock = virtualClock();
    const calls = pipeline(circuitBreaker({ clock, minimumCalls: 3 }), bulkhead(2), timeout({ timeoutMs: 10, clock }));
    const context = Context.withClock(clock).withCancel();

    await settled(calls.execute(() => 'value'));
    void observe(calls.execute(never, context));
    void observe(calls.execute(never));
    expect(calls.calls).toMatchObject({ running: 2, success: 1 });
    await settled(calls.execute(never));
    context.cancel('gone');
    await settled(calls.execute(() => 1, context));
    await settled(calls.execute(() => Promise.reject(new Error('boom'))));
    await clock.advance(10);

    expect(calls.calls).toEqual({ success: 1, failure: 2, rejected: 1, cancelled: 2, running: 0 });
  });

  it('(3) counts a call that a deadline with a cause of its own ended as failed', async () => {
    const clock = virtualClock();
    const calls = pipeline(timeout({ timeoutMs: 100, clock }));
    const tooSlow = new Error('too slow');
    const call = observe(calls.execute(never, Context.withClock(clock).withTimeout(10, tooSlow)));
    await clock.advance(10);

    expect(call()).toMatchObject({ status: 'rejected', error: tooSlow });
    expect(calls.calls).toMatchObject({ failure: 1, cancelled: 0 });
  });

  it('(3) the counts add up to the calls, whatever happens', async () => {
    const kinds = fc.array(fc.constantFrom('value', 'error', 'hang', 'cancel', 'slow'), { maxLength: 30, size: 'max' });
    const property = fc.asyncProperty(kinds, fc.boolean(), async (plan, isNested) => {
      const clock = virtualClock();
      const breaker = circuitBreaker({ clock, minimumCalls: 3, openForMs: 20 });
      const inner = pipeline(
        retry({ clock, maxAttempts: 2, baseDelayMs: 4 }),
        breaker,
        bulkhead(2),
        timeout({ timeoutMs: 10, clock }),
      );
      const outer: Pipeline = isNested ? pipeline(inner, foreign('f', [])) : inner;
      for (const kind of plan) {
        const context = Context.withClock(clock).withCancel();
        const operation = (): unknown => {
          if (kind === 'error') throw new Error(kind);
          return kind === 'value' ? kind : kind === 'slow' ? after(clock, 7, kind) : never();
        };
        void observe(outer.execute(operation, context));
        if (kind === 'cancel') context.cancel();
        await clock.advance(3);
      }
      await clock.runAll();
      for (const each of [outer, inner]) {
        const { success, failure, rejected, cancelled, running } = each.calls;
        expect([success + failure + rejected + cancelled, running]).toEqual([plan.length, 0]);
      }
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it('(4) never hands an instant of one clock to a layer on another', async () => {
    const mine = virtualClock(0);
    const yours = virtualClock(1_000_000);
    const inside = (): LayeredPolicy => timeout({ name: 'inside', timeoutMs: 100, clock: yours });
    const outside = (): LayeredPolicy => timeout({ name: 'outside', timeoutMs: 200, clock: mine });
    const nestings = {
      flat: pipeline(outside(), inside()),
      apart: pipeline(outside(), bulkhead(), fallback({ value: 0, handles: () => false }), inside()),
      'inside a pipeline': pipeline(outside(), pipeline(bulkhead(), inside())),
      'outside in a pipeline': pipeline(pipeline(outside(), bulkhead()), inside()),
      'outside in a mixed pipeline': pipeline(pipeline(timeout({ timeoutMs: 300, clock: yours }), outside()), inside()),
    };

    // A context with a deadline makes a timeout read its clock at once.
    const contexts = {
      'no deadline': () => Context.background,
      'a deadline': () => Context.withClock(mine).withTimeout(5000),
    };
    const calls = Object.entries(nestings).flatMap(([nesting, policy]) =>
      Object.entries(contexts).map(([kind, make]) => [`${nesting}, ${kind}`, policy, make] as const),
    );
    for (const [nesting, policy, make] of calls) {
      const call = observe(policy.execute(never, make()));
      await yours.advance(99);
      expect([nesting, call().status]).toEqual([nesting, 'pending']);
      await yours.advance(1);
      expect([nesting, call()]).toMatchObject([nesting, { error: { policy: 'inside' } }]);
    }
  });

  it('(4) settles at the earliest deadline of all clocks', async () => {
    const mine = virtualClock(0);
    const yours = virtualClock(1_000_000);
    const policy = pipeline(
      timeout({ name: 'outside', timeoutMs: 50, clock: mine }),
      timeout({ timeoutMs: 100, clock: yours }),
    );
    const call = observe(policy.execute(never));

    await mine.advance(50);
    await settle();

    expect(call()).toMatchObject({ error: { policy: 'outside' } });
  });

  it('is a policy: it nests, wraps, and has kind and name', async () => {
    const inner = pipeline({ name: 'inner' }, retry());
    const outer = pipeline(inner, timeout(50));

    await expect(outer.wrap((x: number) => x + 1)(1)).resolves.toBe(2);
    expect([inner.kind, inner.name, outer.name]).toEqual(['pipeline', 'inner', 'pipeline']);
    expect(outer.policies).toEqual([inner, outer.policies[1]]);
    expect(Object.isFrozen(outer.policies)).toBe(true);
    expect(inner.calls.success).toBe(1);
    expectTypeOf(outer).toExtend<LayeredPolicy>();
  });

  it('of nothing runs the operation', async () => {
    await expect(pipeline().execute(() => 'value')).resolves.toBe('value');
  });

  it('refuses what is no policy', () => {
    expect(() => pipeline(retry(), {} as never)).toThrow('pipeline[1] must be a policy, got an object');
    expect(() => pipeline(retry(), null as never)).toThrow('pipeline[1] must be a policy, got null');
    expect(() => pipeline({ nam: 'x' } as never)).toThrow('pipeline has no option "nam"');
    expect(() => pipeline({ name: '' })).toThrow('pipeline.name must be a non-empty string, got ""');
    expect(() => pipeline([retry()] as never)).toThrow('pipeline[0] must be a policy, got an array');
    expect(() => pipeline((() => 1) as never)).toThrow('pipeline[0] must be a policy, got a function');
  });

  it('takes policies one by one, and says so of a list', () => {
    expect(() => pipeline([retry()] as never)).toThrow('pipeline[0] must be a policy, got an array');
    expect(() => pipeline({ name: '' })).toThrow('pipeline.name must be a non-empty string');
    expect(() => pipeline(retry(), null as never)).toThrow('pipeline[1] must be a policy, got null');
    expect(() => pipeline(retry(), { execute: 1 } as never)).toThrow('pipeline[1] must be a policy, got an object');
  });

  it('(3) counts another error of a call whose context was cancelled as its failure', async () => {
    const counted = pipeline(retry());
    const context = Context.background.withCancel();
    await counted
      .execute(() => {
        context.cancel();
        throw new Error('boom');
      }, context)
      .catch(() => {});

    expect(counted.calls).toMatchObject({ failure: 1, cancelled: 0, running: 0 });
  });
});
