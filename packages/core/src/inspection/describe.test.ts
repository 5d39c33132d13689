import { describe, expect, it } from 'vitest';

import { background, contextKey } from '../kernel/context.ts';
import { pipeline } from '../kernel/pipeline.ts';
import { type Policy, createPolicy } from '../kernel/policy.ts';
import { bulkhead } from '../policies/bulkhead/bulkhead.ts';
import { cache } from '../policies/cache/cache.ts';
import { chaos } from '../policies/chaos/chaos.ts';
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { coalesce } from '../policies/coalesce/coalesce.ts';
import { fallback } from '../policies/fallback/fallback.ts';
import { hedge } from '../policies/hedge/hedge.ts';
import { keyed } from '../policies/keyed/keyed.ts';
import { noop } from '../policies/noop/noop.ts';
import { rateLimiter } from '../policies/rate-limiter/rate-limiter.ts';
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
const host = contextKey<string>('host');
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

  it('(3) tells the worst of all members of a keyed policy, and each that differs in more than its name', async () => {
    const members = keyed({
      name: 'hosts',
      keyOf: (context) => context.value(host) ?? 'none',
      make: (key, name) => (key === 'slow' ? retry({ name, maxAttempts: 5 }) : timeout({ name, timeoutMs: 300 })),
    });
    const before = describePolicy(pipeline(members, limit(400)));
    expect(before.worstCase).toMatchObject({ maxRuns: 1, maxTimeMs: 300 });
    expect(before.worstCase.assumes).toEqual(['keyed "hosts": what it has yet to make is like what it has']);

    for (const key of ['a', 'b', 'slow']) await members.execute(() => 1, background.withValue(host, key));
    const { worstCase, children } = describePolicy(pipeline(members, limit(400)));

    expect(children[0]?.children.map(({ kind, name }) => [kind, name])).toEqual([
      ['timeout', 'hosts/__other__'],
      ['retry', 'hosts/slow'],
    ]);
    expect(worstCase).toMatchObject({ maxRuns: 5, whyRuns: 'retry "hosts/slow" 5' });
    expect(worstCase.maxTimeMs).toBeGreaterThan(2000);
    expect(
      draw(describePolicy(members))
        .split('\n')
        .map((line) => /^ *\w+/.exec(line)?.[0]),
    ).toEqual(['keyed', '  timeout', '  retry', '    operation', 'at', 'at', 'provided']);
    members.update({ enforcement: 'off' });
    expect(describePolicy(pipeline(members, limit(400))).worstCase).toMatchObject({ maxRuns: 1, maxTimeMs: 400 });
  });

  it('(3) leaves the tries to an outer keyed policy where all its members try', () => {
    const inner = retry({ maxAttempts: 3, maxDelayMs: 100 });
    const around = (policy: Policy) => keyed({ keyOf: () => 'a', make: () => policy });

    expect(describePolicy(pipeline(around(retry({ maxAttempts: 2 })), inner)).worstCase.maxRuns).toBe(2);
    expect(describePolicy(pipeline(around(noop()), inner)).worstCase.maxRuns).toBe(3);
    expect(describePolicy(pipeline(around(foreign), limit(5))).worstCase.maxRuns).toBe(Infinity);
  });

  it('says what it assumes of policies that others may use, too', () => {
    const shared = pipeline(rateLimiter({ maxPerInterval: 10, maxQueued: 1 }), cache({ keyOf: () => 'a' }), limit(50));

    expect(describePolicy(shared).worstCase.assumes).toEqual([
      'rate-limiter: nobody takes from it by hand, and it never had another rate',
      'cache: it stands in no other pipeline',
    ]);
  });

  it.each([
    ['bulkhead', bulkhead({ maxConcurrent: 1, maxQueued: 2 })],
    ['cache', cache({ keyOf: () => 'a' })],
    ['chaos', chaos({ injections: [{ kind: 'latency', latencyMs: [1, 2], callRatio: 1 }] })],
    ['circuit-breaker', circuitBreaker({ healthCheck: async () => {}, slowCallMs: 5 })],
    ['coalesce', coalesce({ keyOf: () => 'a' })],
    ['fallback', fallback({ substitute: () => 1 })],
    ['hedge', hedge({ delayMs: { quantile: 0.9, maxMs: 100 } })],
    ['keyed', keyed({ keyOf: () => 'a', make: () => timeout(Infinity) })],
    ['noop', noop()],
    ['rate-limiter', rateLimiter({ maxPerInterval: 1, costOf: () => 1, maxQueued: 3 })],
    ['retry', retry({ maxRetryRatio: Infinity })],
    ['timeout', timeout(Infinity)],
  ])('is JSON, of a %s: null stands for Infinity, and nothing else is null', (kind, policy) => {
    const tree = describePolicy(pipeline(policy));
    const text = JSON.stringify(tree);

    expect(tree.children[0]?.kind).toBe(kind);
    expect(JSON.stringify(tree, (_key, value: unknown) => (value === Infinity ? 'Infinity' : value))).not.toContain(
      ':null',
    );
    expect(JSON.parse(text, (_key, value: unknown) => (value === null ? Infinity : value))).toEqual(tree);
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

  it.each([
    ['no function', 'text'],
    ['nothing', () => undefined],
    ['null', () => null],
    ['a text', () => 'text'],
    ['no kind', () => ({ name: 'a', traits: {} })],
    ['no name', () => ({ kind: 'a', traits: {} })],
    ['no traits', () => ({ kind: 'a', name: 'a' })],
  ])('takes a policy that describes itself by %s for one that does not', (_what, told) => {
    const policy = { ...foreign, kind: 'mine', name: 'prices', describe: told };

    expect(describePolicy(policy as never)).toMatchObject({ kind: 'mine', name: 'prices', isOpaque: true });
  });

  it('completes what a policy leaves out about itself', () => {
    const policy = { ...foreign, describe: () => ({ kind: 'mine', name: 'prices', traits: { limitMs: 5 } }) };

    expect(describePolicy(policy as never)).toMatchObject({
      enforcement: 'enforce',
      options: {},
      isOpaque: false,
      worstCase: { maxTimeMs: 5 },
    });
  });

  it.each([
    ['has policies and is no pipeline', { kind: 'mine', policies: [limit(5)] }],
    ['is called a pipeline and has none', { kind: 'pipeline' }],
  ])('does not look inside what %s', (_what, parts) => {
    const tree = describePolicy({ ...foreign, ...parts, name: 'prices' } as never);

    expect([tree.isOpaque, tree.children]).toEqual([true, []]);
  });

  it.each([
    ['none', []],
    ['no list', { length: 1 }],
  ])('takes a policy with %s as alternatives for one that has no choice', (_what, told) => {
    const policy = Object.assign(limit(5), { alternatives: () => told });

    expect(describePolicy(policy as never)).toMatchObject({
      isOpaque: false,
      children: [],
      worstCase: { maxTimeMs: 5 },
    });
  });

  it('tells of a choice that it does describe itself', () => {
    const choice = describePolicy(keyed({ keyOf: () => 'a', make: () => noop() }));

    expect([choice.isOpaque, choice.children.length]).toEqual([false, 1]);
  });

  it('leaves the tries to an outer retry only where every way to the inner one goes through it', () => {
    const inner = retry({ maxAttempts: 3 });
    const some = Object.assign(describedPolicy({}), { alternatives: () => [retry({ maxAttempts: 2 }), noop()] });
    const off = Object.assign(describedPolicy({}, { enforcement: 'off' }), {
      alternatives: () => [retry({ maxAttempts: 2 })],
    });
    const runsOf = (...policies: readonly Policy[]) => describePolicy(pipeline(...policies)).worstCase.maxRuns;

    expect(runsOf(some as never, inner)).toBe(6);
    expect(runsOf(off as never, inner)).toBe(3);
    expect(runsOf(retry({ maxAttempts: 2 }), timeout(50), inner)).toBe(2);
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

  it('counts runs and milliseconds', () => {
    const headOf = (...policies: readonly Policy[]) =>
      draw(describePolicy(pipeline({ name: 'p' }, ...policies))).split('\n')[0];

    expect([headOf(limit(1)), headOf(tries(2), limit(50))]).toEqual([
      'pipeline "p" (1 run, 1 ms at most)',
      'pipeline "p" (2 runs, 200 ms at most)',
    ]);
  });

  it('draws one policy', () => {
    expect(draw(describePolicy(limit(300, 'timeout')))).toBe(
      ['timeout timeoutMs=300', '  operation', 'at most 1 run: one run', 'at most 300 ms: 300 ms (timeout)'].join('\n'),
    );
  });
});
