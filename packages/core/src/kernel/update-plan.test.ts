import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { bulkhead } from '../policies/bulkhead/bulkhead.ts';
import { cache } from '../policies/cache/cache.ts';
import { chaos } from '../policies/chaos/chaos.ts';
import { coalesce } from '../policies/coalesce/coalesce.ts';
import { fallback } from '../policies/fallback/fallback.ts';
import { hedge } from '../policies/hedge/hedge.ts';
import { keyed } from '../policies/keyed/keyed.ts';
import { noop } from '../policies/noop/noop.ts';
import { rateLimiter } from '../policies/rate-limiter/rate-limiter.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import type { Describable, Updatable } from './description.ts';
import type { HookError } from './errors.ts';
import { onHookError } from './hooks.ts';
import { updatable } from './update-plan.ts';

interface Limits {
  readonly lowest?: number;
  readonly highest?: number;
}

/** Something with two options, the one of which may not exceed the other. */
function between(lowest: number, highest: number): { readonly told: Required<Limits>[]; changing: Updatable<Limits> } {
  const told = [{ lowest, highest }];
  const changing = updatable({
    name: 'range',
    resolve: (changes: Limits) => {
      const next = { ...(told.at(-1) as Required<Limits>), ...changes };
      if (next.lowest > next.highest) throw new RangeError('empty');
      return next;
    },
    apply: (next) => void told.push(next),
  });
  return { told, changing };
}

type Changing = Updatable<never> & Describable;

const clock = virtualClock();
const keyOf = (): string => 'a';
const off = { enforcement: 'off' };

const twoPlans: readonly (readonly [string, () => Changing, object, object])[] = [
  ['bulkhead', () => bulkhead(1), { maxConcurrent: 7 }, { maxQueued: 8 }],
  ['cache', () => cache({ keyOf, clock }), { ttlMs: 7 }, { maxEntries: 8 }],
  [
    'chaos',
    () => chaos({ injections: [{ kind: 'latency', callRatio: 0, latencyMs: 1 }], clock }),
    { maxInjections: 7 },
    { forMs: 8 },
  ],
  ['coalesce', () => coalesce({ keyOf }), { maxKeys: 7 }, off],
  ['fallback', () => fallback({ value: 0 }), { answersRejections: true }, off],
  ['hedge', () => hedge({ delayMs: 1, clock }), { delayMs: 7 }, { maxAttempts: 8 }],
  ['keyed', () => keyed({ keyOf, make: () => noop(), clock }), { maxKeys: 7 }, { idleMs: 8 }],
  ['rate limiter', () => rateLimiter({ maxPerInterval: 1, clock }), { maxPerInterval: 7 }, { maxQueued: 8 }],
  ['timeout', () => timeout({ timeoutMs: 1, clock }), { timeoutMs: 7 }, off],
];

describe('an update plan', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it('(1) that is refused throws, and changes nothing; so does an update', () => {
    const { told, changing } = between(1, 5);

    expect(() => changing.planUpdate({ lowest: 6 })).toThrow('empty');
    expect(() => changing.update({ highest: 0 })).toThrow('empty');
    expect(told).toHaveLength(1);
    changing.update({ highest: 9 });
    expect(told.at(-1)).toEqual({ lowest: 1, highest: 9 });
  });

  it('(2), (4) changes what it named when it was made, on top of what is in force when it is applied', () => {
    const { told, changing } = between(1, 5);
    const changes = { lowest: 2 };
    const [first, second] = [changing.planUpdate(changes), changing.planUpdate({ highest: 9 })];
    changes.lowest = 3;

    second();
    first();

    expect(told.at(-1)).toEqual({ lowest: 2, highest: 9 });
  });

  it('(3) that has become impossible changes nothing, and is reported', () => {
    const { told, changing } = between(1, 5);
    const [first, second] = [changing.planUpdate({ lowest: 4 }), changing.planUpdate({ highest: 3 })];

    first();
    second();

    expect(told.at(-1)).toEqual({ lowest: 4, highest: 5 });
    expect(hookErrors).toMatchObject([{ hook: 'planUpdate', policy: 'range', cause: { message: 'empty' } }]);
  });

  it.each(twoPlans)('(2) of a %s undoes no other one, whichever is applied first', (_kind, make, one, other) => {
    for (const isReversed of [false, true]) {
      const policy = make();
      const plans = [policy.planUpdate(one as never), policy.planUpdate(other as never)];
      for (const apply of isReversed ? plans.toReversed() : plans) apply();
      const { options, enforcement } = policy.describe();

      expect({ ...options, enforcement }).toMatchObject({ ...one, ...other });
    }
    expect(hookErrors).toEqual([]);
  });

  it('(3) of a rate limiter that has become impossible changes nothing, and is reported', () => {
    const policy = rateLimiter({ name: 'api', maxPerInterval: 5, clock });
    const plans = [policy.planUpdate({ intervalMs: 1 }), policy.planUpdate({ maxPerInterval: 2000 })];
    for (const apply of plans) apply();

    expect(policy.describe().options).toMatchObject({ maxPerInterval: 5, intervalMs: 1 });
    expect(hookErrors).toMatchObject([{ hook: 'planUpdate', policy: 'api' }]);
  });
});
