import { describe, expect, it } from 'vitest';

import { pipeline } from '../kernel/pipeline.ts';
import { type Policy, createPolicy } from '../kernel/policy.ts';
import { retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { describedPolicy } from '../testing/described-policy.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { describe as describePolicy, draw } from './describe.ts';

const limit = (limitMs: number, name = 'limit') =>
  describedPolicy({ limitMs }, { kind: 'timeout', name, options: { timeoutMs: limitMs } });
const tries = (maxRuns: number) =>
  describedPolicy(
    { maxRuns, maxWaitMs: 100, retriesFailures: true, marksTries: true },
    { kind: 'retry', name: 'prices' },
  );
const foreign: Policy = { execute: async (operation, context) => operation(context as never) };

describe('description', () => {
  it('charter N5: tells a pipeline as a tree, outermost first', () => {
    const tree = describePolicy(pipeline({ name: 'prices' }, tries(3), limit(300)));

    expect(tree).toMatchObject({
      kind: 'pipeline',
      name: 'prices',
      children: [
        { kind: 'retry', name: 'prices', enforcement: 'enforce', children: [] },
        { kind: 'timeout', name: 'limit', options: { timeoutMs: 300 }, children: [] },
      ],
      worstCase: { maxRuns: 3, maxTimeMs: 1000 },
    });
    expect(tree.children.map(({ worstCase }) => worstCase.maxTimeMs)).toEqual([1000, 300]);
  });

  it('(1) takes what built-in policies say', () => {
    const policy = pipeline(retry({ maxAttempts: 2, maxDelayMs: 100 }), timeout(300));

    expect(describePolicy(policy).worstCase).toMatchObject({ maxRuns: 2, maxTimeMs: 700 });
    expect(describePolicy(timeout({ name: 'prices', timeoutMs: 300 }))).toMatchObject({
      kind: 'timeout',
      name: 'prices',
      options: { timeoutMs: 300 },
      isOpaque: false,
      worstCase: { maxRuns: 1, maxTimeMs: 300 },
    });
  });

  it('(1) starts nothing and changes nothing', () => {
    const clock = virtualClock();
    const policy = pipeline(retry({ clock }), timeout({ timeoutMs: 300, clock }));
    const before = JSON.stringify(describePolicy(policy));
    draw(describePolicy(policy));

    expect(JSON.stringify(describePolicy(policy))).toBe(before);
    expect(clock.pendingCount).toBe(0);
    expect(policy.calls).toEqual({ success: 0, failure: 0, rejected: 0, cancelled: 0, running: 0 });
  });

  it('nests what follows a pipeline inside it', () => {
    const tree = describePolicy(pipeline(limit(5000), pipeline({ name: 'inner' }, tries(3)), limit(300)));

    expect(tree.worstCase).toMatchObject({ maxRuns: 3, maxTimeMs: 1000 });
    expect(tree.children[1]).toMatchObject({ name: 'inner', worstCase: { maxTimeMs: 1000 } });
  });

  it.each([
    ['has only execute', foreign, 'policy'],
    ['has no describe', createPolicy({ kind: 'mine', name: 'mine', layer: (inner) => inner }), 'mine'],
    ['describes something else', Object.assign({ describe: () => 'a nice policy' }, foreign), 'policy'],
    ['describes half of it', Object.assign({ describe: () => ({ kind: 'mine' }) }, foreign), 'policy'],
  ])('(2) keeps a policy that %s, as opaque', (_what, policy, kind) => {
    const tree = describePolicy(pipeline(limit(100), policy));

    expect(tree.children[1]).toMatchObject({ kind, isOpaque: true, options: {}, traits: {} });
    expect(tree.worstCase).toMatchObject({ maxRuns: Infinity, maxTimeMs: 100 });
  });

  it.each(['observe', 'off'] as const)('takes a policy whose enforcement is %s for nothing', (enforcement) => {
    const traits = { maxRuns: 9, limitMs: 5, maxWaitMs: 7 };
    const { worstCase } = describePolicy(pipeline(describedPolicy(traits, { enforcement }), limit(100)));

    expect(worstCase).toMatchObject({ maxRuns: 1, maxTimeMs: 100 });
  });

  it('counts the tries once where the inner retry leaves them to the outer one', () => {
    const inner = describedPolicy({ maxRuns: 3, maxWaitMs: 50, retriesFailures: true, runsOnceInsideRetry: true });

    expect(describePolicy(pipeline(inner, limit(100))).worstCase).toMatchObject({ maxRuns: 3, maxTimeMs: 350 });
    expect(describePolicy(pipeline(tries(2), inner, limit(100))).worstCase).toMatchObject({
      maxRuns: 2,
      maxTimeMs: 300,
    });
    expect(describePolicy(pipeline(pipeline(tries(2)), pipeline(inner))).worstCase.maxRuns).toBe(2);
  });
});

describe('draw', () => {
  it('draws the nesting, the options in force and the worst case', () => {
    const observed = describedPolicy(
      {},
      { kind: 'bulkhead', enforcement: 'observe', options: { maxQueued: Infinity } },
    );
    const inner = pipeline({ name: 'inner' }, observed, foreign);
    const hook = describedPolicy({ limitMs: 5 }, { name: 'x', options: { size: 'a', classify: '[function]' } });

    expect(draw(describePolicy(pipeline({ name: 'prices' }, tries(3), inner, hook))).split('\n')).toEqual([
      'pipeline "prices" (any number of runs, any time at most)',
      '  retry "prices"',
      '    pipeline "inner" (any number of runs, any time at most)',
      '      bulkhead [observe] maxQueued=Infinity',
      '        policy (does not describe itself)',
      '          sample "x" size="a" classify=[function]',
      '            operation',
      'at most any number of runs: policy does not say',
      'at most any time: policy does not say',
    ]);
  });

  it('draws one policy', () => {
    expect(draw(describePolicy(limit(300, 'timeout')))).toBe(
      ['timeout timeoutMs=300', '  operation', 'at most 1 run: one run', 'at most 300 ms: 300 ms (timeout)'].join('\n'),
    );
  });
});
