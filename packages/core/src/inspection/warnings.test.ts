import { describe, expect, it } from 'vitest';

import { background, contextKey } from '../kernel/context.ts';
import type { PolicyTraits } from '../kernel/description.ts';
import { pipeline } from '../kernel/pipeline.ts';
import { type Policy, createPolicy } from '../kernel/policy.ts';
import { bulkhead } from '../policies/bulkhead/bulkhead.ts';
import { cache } from '../policies/cache/cache.ts';
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { coalesce } from '../policies/coalesce/coalesce.ts';
import { hedge } from '../policies/hedge/hedge.ts';
import { keyed } from '../policies/keyed/keyed.ts';
import { noop } from '../policies/noop/noop.ts';
import { retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { describedPolicy } from '../testing/described-policy.ts';
import { type Warning, warningRules, warnings } from './warnings.ts';

const of = (kind: string, traits: PolicyTraits) => describedPolicy(traits, { kind });
const limit = (limitMs: number) => of('timeout', { limitMs });
const tries = (maxRuns: number, more: PolicyTraits = {}) => of('retry', { maxRuns, retriesFailures: true, ...more });
const breaker = (more: PolicyTraits = {}) => of('breaker', { countsFailures: true, isShared: true, ...more });
const answers = of('fallback', { hidesFailures: true });
const queue = (maxWaitMs: number) => of('bulkhead', { maxWaitMs, isShared: true });
const copies = of('hedge', { maxRuns: 2, maxConcurrentRuns: 2 });
const shares = of('cache', { detachesDeadline: true, isShared: true });
const one = breaker();
const silent = createPolicy({ kind: 'silent', name: 'silent', layer: (inner) => inner });

interface WarningCase {
  readonly code: string;
  readonly fires: readonly Policy[];
  readonly message: string;
  /** Where it is, inside a pipeline called `p`. */
  readonly path: string;
  /** The nearest order, or the nearest numbers, that are right. */
  readonly quiet: readonly Policy[];
}

const cases: readonly WarningCase[] = [
  {
    code: 'LIMIT_SHADOWED',
    fires: [limit(300), breaker(), limit(300)],
    message: 'timeout never ends a call after 300 ms: timeout outside it ends the call after 300 ms',
    path: 'p[2]',
    quiet: [limit(300), breaker(), limit(299)],
  },
  {
    code: 'LIMIT_SHADOWED',
    fires: [of('outer', { runLimitMs: 200 }), limit(300)],
    message: 'timeout never ends a call after 300 ms: outer outside it ends the call after 200 ms',
    path: 'p[1]',
    quiet: [of('outer', { runLimitMs: 301 }), limit(300)],
  },
  {
    code: 'LIMIT_SHADOWED',
    fires: [limit(200), tries(3, { runLimitMs: 300 })],
    message: 'retry never ends a run after 300 ms: timeout outside it ends the call after 200 ms',
    path: 'p[1]',
    quiet: [limit(200), tries(3, { runLimitMs: 100 })],
  },
  {
    code: 'LIMIT_SHADOWED',
    fires: [tries(3, { runLimitMs: 300, limitMs: 300 })],
    message: 'retry never ends a run after 300 ms: all together end after 300 ms',
    path: 'p[0]',
    quiet: [tries(3, { runLimitMs: 299, limitMs: 300 })],
  },
  {
    code: 'LIMIT_UNREACHABLE',
    fires: [limit(901), tries(3), limit(300)],
    message: 'timeout never ends a call after 901 ms: all is over after 900 ms, 3 × 300 ms (timeout)',
    path: 'p[0]',
    quiet: [limit(900), tries(3), limit(300)],
  },
  {
    code: 'LIMIT_UNREACHABLE',
    fires: [tries(3, { runLimitMs: 301 }), limit(300)],
    message: 'retry never ends a run after 301 ms: each is over after 300 ms (timeout)',
    path: 'p[0]',
    quiet: [tries(3, { runLimitMs: 299 }), limit(300)],
  },
  {
    code: 'ONE_RUN_TAKES_ALL_TIME',
    fires: [limit(300), tries(3), limit(300)],
    message: 'one run inside retry may take all the time that timeout gives, 300 ms',
    path: 'p[1]',
    quiet: [limit(300), tries(3), limit(299)],
  },
  {
    code: 'ONE_RUN_TAKES_ALL_TIME',
    fires: [tries(3, { limitMs: 300 })],
    message: 'one run inside retry may take all the time that retry gives, 300 ms',
    path: 'p[0]',
    quiet: [tries(3, { limitMs: 300, runLimitMs: 100 })],
  },
  {
    code: 'ONE_RUN_TAKES_ALL_TIME',
    fires: [tries(3, { noRunAfterMs: 300 }), limit(300)],
    message: 'one run inside retry may take all the time that retry gives, 300 ms',
    path: 'p[0]',
    quiet: [tries(3, { noRunAfterMs: 301 }), limit(300)],
  },
  {
    code: 'RERUN_NEVER_STARTS',
    fires: [limit(300), tries(3, { minRunGapMs: 100, minTimeLeftToRerunMs: 200 })],
    message: 'retry never runs again, which takes 300 ms: timeout outside it ends the call after 300 ms',
    path: 'p[1]',
    quiet: [limit(300), tries(3, { minRunGapMs: 100, minTimeLeftToRerunMs: 199 })],
  },
  {
    code: 'RERUN_NEVER_STARTS',
    fires: [tries(3, { minRunGapMs: 100, noRunAfterMs: 100 })],
    message: 'retry never runs again, which takes 100 ms: it has 100 ms to start in',
    path: 'p[0]',
    quiet: [tries(3, { minRunGapMs: 100, noRunAfterMs: 101 })],
  },
  {
    code: 'RERUN_NEVER_STARTS',
    fires: [of('hedge', { maxRuns: 2, maxConcurrentRuns: 2, minRunGapMs: 301 }), limit(300)],
    message: 'hedge never runs again after 301 ms: each run is over after 300 ms (timeout)',
    path: 'p[0]',
    quiet: [of('hedge', { maxRuns: 2, maxConcurrentRuns: 2, minRunGapMs: 300 }), limit(300)],
  },
  {
    code: 'EVERY_CALL_REFUSED',
    fires: [limit(300), of('bulkhead', { minTimeLeftMs: 301 })],
    message: 'bulkhead wants 301 ms for each call: timeout outside it ends the call after 300 ms',
    path: 'p[1]',
    quiet: [limit(300), of('bulkhead', { minTimeLeftMs: 300 })],
  },
  {
    code: 'NO_TIME_LIMIT',
    fires: [limit(10), shares],
    message: 'no deadline outside reaches what cache runs: nothing limits the operation',
    path: 'p[1]',
    quiet: [limit(10), shares, limit(10)],
  },
  {
    code: 'NO_TIME_LIMIT',
    fires: [limit(10), shares, queue(Infinity)],
    message: 'no deadline outside reaches what cache runs: nothing limits the operation',
    path: 'p[1]',
    quiet: [limit(10), shares, limit(10), queue(Infinity)],
  },
  {
    code: 'NO_TIME_LIMIT',
    fires: [queue(Infinity), tries(2, { maxWaitMs: 1 })],
    message: 'nothing limits the time of a call through bulkhead: nothing limits the operation',
    path: 'p[0]',
    quiet: [limit(10), queue(Infinity), tries(2, { maxWaitMs: 1 })],
  },
  {
    code: 'NO_TIME_LIMIT',
    fires: [queue(Infinity), limit(300)],
    message: 'nothing limits the time of a call through bulkhead: nothing limits the waiting of bulkhead',
    path: 'p[0]',
    quiet: [queue(1000), limit(300)],
  },
  {
    code: 'SLOW_NEVER_SEEN',
    fires: [breaker({ slowCallMs: 301 }), limit(300)],
    message: 'breaker sees no call of 301 ms: each is over after 300 ms (timeout)',
    path: 'p[0]',
    quiet: [breaker({ slowCallMs: 300 }), limit(300)],
  },
  {
    code: 'SLOW_NEVER_SEEN',
    fires: [limit(300), breaker({ slowCallMs: 301 })],
    message: 'breaker sees no call of 301 ms: timeout outside it ends the call after 300 ms',
    path: 'p[1]',
    quiet: [limit(300), breaker({ slowCallMs: 300 })],
  },
  {
    code: 'TIMEOUTS_NEVER_COUNTED',
    fires: [limit(300), breaker({ minTimeoutToJudgeMs: 301 })],
    message: 'breaker counts timeouts from 301 ms on: timeout outside it ends the call after 300 ms',
    path: 'p[1]',
    quiet: [limit(300), breaker({ minTimeoutToJudgeMs: 300 })],
  },
  {
    code: 'PROBE_OUTLIVES_LEASE',
    fires: [breaker({ probeLeaseMs: 299 }), limit(300)],
    message: 'a probe of breaker may run for 300 ms, and keeps its place for 299 ms',
    path: 'p[0]',
    quiet: [breaker({ probeLeaseMs: 300 }), limit(300)],
  },
  {
    code: 'PROBE_OUTLIVES_LEASE',
    fires: [limit(300), breaker({ probeLeaseMs: 299 })],
    message: 'a probe of breaker may run for 300 ms, and keeps its place for 299 ms',
    path: 'p[1]',
    quiet: [limit(200), breaker({ probeLeaseMs: 299 }), limit(300)],
  },
  {
    code: 'FAILURES_HIDDEN',
    fires: [breaker(), answers],
    message: 'fallback hides failures from breaker, which is outside it',
    path: 'p[1]',
    quiet: [answers, breaker()],
  },
  {
    code: 'FAILURES_HIDDEN',
    fires: [tries(3), answers],
    message: 'fallback hides failures from retry, which is outside it',
    path: 'p[1]',
    quiet: [tries(1), answers],
  },
  {
    code: 'ONE_COUNT_FOR_MANY_RUNS',
    fires: [breaker(), tries(3)],
    message: 'breaker counts one call for up to 3 runs of retry inside it',
    path: 'p[0]',
    quiet: [tries(3), breaker()],
  },
  {
    code: 'ONE_COUNT_FOR_MANY_RUNS',
    fires: [breaker(), copies],
    message: 'breaker counts one call for up to 2 runs of hedge inside it',
    path: 'p[0]',
    quiet: [copies, breaker()],
  },
  {
    code: 'RETRIES_MULTIPLY',
    fires: [tries(3), tries(4)],
    message: 'retry and retry make 3 × 4 = 12 runs',
    path: 'p[1]',
    quiet: [tries(3, { marksTries: true }), tries(4, { runsOnceInsideRetry: true })],
  },
  {
    code: 'RETRIES_AT_ONCE',
    fires: [copies, tries(3)],
    message: 'hedge and retry make 2 × 3 = 6 runs',
    path: 'p[1]',
    quiet: [tries(3), copies],
  },
  {
    code: 'SAME_POLICY_TWICE',
    fires: [one, tries(3), one],
    message: 'breaker is in the pipeline more than once',
    path: 'p[2]',
    quiet: [one, tries(3), breaker()],
  },
];

const codesOf = (found: readonly Warning[]) => found.map(({ code }) => code);
const inPipeline = (policies: readonly Policy[]) => pipeline({ name: 'p' }, ...policies);

describe('warnings', () => {
  it.each(cases)('charter S1: $code: $message', ({ code, fires, message, path, quiet }) => {
    const rule = warningRules.find((known) => known.code === code);

    expect(warnings(inPipeline(fires))).toContainEqual({ code, path, message, why: rule?.why, advice: rule?.advice });
    expect(codesOf(warnings(inPipeline(quiet)))).not.toContain(code);
  });

  it('has a case for every rule', () => {
    expect([...new Set(cases.map(({ code }) => code))]).toEqual(warningRules.map(({ code }) => code));
  });

  it.each(cases)('warning rules (1): $code does not come from what does not enforce: $message', ({ code, fires }) => {
    const lax = fires.map((policy) => {
      const traits = (policy as ReturnType<typeof describedPolicy>).describe().traits;
      return describedPolicy(traits, { enforcement: 'observe' });
    });

    expect(codesOf(warnings(inPipeline(lax)))).not.toContain(code);
  });

  it('finds nothing in the recommended order', () => {
    const order = [answers, tries(3, { maxWaitMs: 100 }), breaker({ slowCallMs: 200 }), queue(50), limit(300)];

    expect(warnings(inPipeline(order))).toEqual([]);
    expect(warnings(pipeline(retry(), timeout(300)))).toEqual([]);
  });

  it('says where in nested pipelines, and by name where a policy stands alone', () => {
    const nested = pipeline({ name: 'outer' }, limit(5000), pipeline(tries(2), pipeline(tries(3), limit(10))));

    expect(warnings(nested).find(({ code }) => code === 'RETRIES_MULTIPLY')?.path).toBe('outer[1][1][0]');
    expect(warnings(describedPolicy({ maxWaitMs: Infinity }, { name: 'mine' }))[0]?.path).toBe('mine');
  });

  it('warning rules (1): says nothing of a policy that says nothing', () => {
    const mine = createPolicy({ kind: 'mine', name: 'mine', layer: (inner) => inner });

    expect(warnings(inPipeline([mine, mine]))).toEqual([]);
    expect(warnings(inPipeline([limit(10), mine]))).toEqual([]);
  });

  it.each([
    ['tries that have no time', [retry({ maxElapsedMs: 100 }), timeout(300)], 'ONE_RUN_TAKES_ALL_TIME'],
    ['a try that needs too long', [timeout(1000), retry({ minAttemptMs: 2000 }), timeout(100)], 'RERUN_NEVER_STARTS'],
    [
      'a fixed delay that is too long',
      [timeout(1000), retry({ backoff: 'fixed', baseDelayMs: 2000, maxDelayMs: 2000 }), timeout(100)],
      'RERUN_NEVER_STARTS',
    ],
    ['a hedge after the deadline', [timeout(300), hedge(500)], 'RERUN_NEVER_STARTS'],
    ['a hedge after the run', [hedge(500), timeout(300)], 'RERUN_NEVER_STARTS'],
    ['a bulkhead that asks for too much', [timeout(300), bulkhead({ minRunMs: 500 })], 'EVERY_CALL_REFUSED'],
    [
      'a breaker that no timeout is long enough for',
      [timeout(300), circuitBreaker({ minTimeoutToJudgeMs: 1000 })],
      'TIMEOUTS_NEVER_COUNTED',
    ],
    ['a short lease', [circuitBreaker({ probeLeaseMs: 50 }), timeout(1000)], 'PROBE_OUTLIVES_LEASE'],
    ['a breaker around a hedge', [circuitBreaker(), hedge(10), timeout(100)], 'ONE_COUNT_FOR_MANY_RUNS'],
    ['a cache of what may hang', [timeout(100), cache({ keyOf: () => 'a' })], 'NO_TIME_LIMIT'],
    ['a shared run that may hang', [timeout(100), coalesce({ keyOf: () => 'a' })], 'NO_TIME_LIMIT'],
  ])('tells %s, of built-in policies', (_what, policies, code) => {
    expect(codesOf(warnings(inPipeline(policies)))).toContain(code);
  });

  it.each([
    ['cache', cache({ keyOf: () => 'a' })],
    ['coalesce', coalesce({ keyOf: () => 'a' })],
  ])('leaves a longer limit alone inside a %s, where the outer deadline does not reach', (_kind, sharing) => {
    expect(warnings(inPipeline([timeout(100), sharing, timeout(200)]))).toEqual([]);
    expect(codesOf(warnings(inPipeline([timeout(100), sharing, timeout(300), timeout(400)])))).toEqual([
      'LIMIT_SHADOWED',
    ]);
  });

  it('looks at each kind of member of a keyed policy', () => {
    const members = keyed({
      name: 'hosts',
      keyOf: () => 'slow',
      make: (key, name) => pipeline({ name }, ...(key === 'slow' ? [timeout(400)] : []), retry(), timeout(300)),
    });
    expect(codesOf(warnings(inPipeline([limit(200), members])))).toEqual(['LIMIT_SHADOWED', 'ONE_RUN_TAKES_ALL_TIME']);

    void members.execute(() => 1);
    const shadowed = warnings(inPipeline([limit(200), members])).filter(({ code }) => code === 'LIMIT_SHADOWED');
    expect(shadowed.map(({ path }) => path)).toEqual([
      'p[1]{hosts/__other__}[1]',
      'p[1]{hosts/slow}[0]',
      'p[1]{hosts/slow}[2]',
    ]);
    expect(codesOf(warnings(inPipeline([members, members])))).toContain('SAME_POLICY_TWICE');
  });

  it.each([
    [
      'a limit per run that is as long as the limit outside',
      [limit(300), tries(3, { runLimitMs: 300 })],
      'LIMIT_SHADOWED',
    ],
    [
      'tries that wait too long to fill their limit',
      [tries(2, { maxWaitMs: 100, limitMs: 701 }), limit(300)],
      'LIMIT_UNREACHABLE',
    ],
    ['the first of two endless waits', [queue(Infinity), queue(Infinity)], 'NO_TIME_LIMIT'],
  ])('tells of %s, once', (_what, policies, code) => {
    expect(codesOf(warnings(inPipeline(policies))).filter((told) => told === code)).toEqual([code]);
  });

  it.each([
    ['a limit per run as long as the run', [tries(3, { runLimitMs: 300 }), limit(300)], 'LIMIT_UNREACHABLE'],
    [
      'tries that fill their limit just so',
      [tries(2, { maxWaitMs: 100, limitMs: 700 }), limit(300)],
      'LIMIT_UNREACHABLE',
    ],
    ['tries without any limit', [tries(3)], 'ONE_RUN_TAKES_ALL_TIME'],
    ['waiting for what says nothing', [queue(Infinity), silent], 'NO_TIME_LIMIT'],
    ['sharing what says nothing', [shares, silent], 'NO_TIME_LIMIT'],
    [
      'a gap before runs that there are not',
      [limit(50), of('retry', { maxRuns: 1, minRunGapMs: 100 })],
      'RERUN_NEVER_STARTS',
    ],
    ['probes of which nobody knows how long they run', [breaker({ probeLeaseMs: 50 })], 'PROBE_OUTLIVES_LEASE'],
  ])('does not tell of %s', (_what, policies, code) => {
    expect(codesOf(warnings(inPipeline(policies)))).not.toContain(code);
  });

  it('names the outermost of limits that are equal', () => {
    const outside = [of('first', { limitMs: 300 }), of('second', { runLimitMs: 300 })];
    const messages = warnings(inPipeline([...outside, tries(3, { limitMs: 300 })])).map(({ message }) => message);

    expect(messages).toEqual([
      'second never ends a run after 300 ms: first outside it ends the call after 300 ms',
      'retry never ends a call after 300 ms: first outside it ends the call after 300 ms',
      'one run inside retry may take all the time that first gives, 300 ms',
    ]);
  });

  it('goes every way through choices of different size', async () => {
    const key = contextKey<string>('key');
    const oneWay = keyed({ name: 'one', keyOf: () => 'a', make: () => timeout(500) });
    const twoWays = keyed({
      name: 'two',
      keyOf: (context) => context.value(key) ?? 'none',
      make: (made) => (made === 'slow' ? timeout(600) : noop()),
    });
    await twoWays.execute(() => 1, background.withValue(key, 'slow'));

    expect(warnings(inPipeline([oneWay, twoWays])).map(({ code, path }) => [code, path])).toEqual([
      ['LIMIT_SHADOWED', 'p[1]{timeout}'],
    ]);
    expect(codesOf(warnings(inPipeline([twoWays, tries(2), twoWays])))).toContain('SAME_POLICY_TWICE');
  });

  it('tells a pipeline of built-in policies what is wrong with it', () => {
    const wrong = pipeline(
      { name: 'prices' },
      timeout(300),
      retry({ whenNested: 'retry' }),
      retry({ whenNested: 'retry' }),
    );

    expect(codesOf(warnings(wrong))).toEqual(['ONE_RUN_TAKES_ALL_TIME', 'ONE_RUN_TAKES_ALL_TIME', 'RETRIES_MULTIPLY']);
  });
});
