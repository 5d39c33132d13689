import { describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import type { Policy } from '../../kernel/policy.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { settled } from '../../testing/operation-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { type CircuitBreaker, circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { isAtRest } from './at-rest.ts';
import { keyed } from './keyed.ts';

const host = contextKey<string>('host');
const at = (key: string): Context => Context.background.withValue(host, key);
const boom = (): Promise<never> => Promise.reject(new Error('boom'));
const breaker = (): CircuitBreaker => circuitBreaker({ minimumCalls: 1, clock: virtualClock() });
const hosts = () => keyed({ keyOf: (context) => context.value(host) ?? 'none', make: breaker, maxKeys: 2 });

/** A policy of somebody else's, which says these things of itself. */
const saying = (parts: object): Policy =>
  Object.assign({ execute: async (operation: unknown) => operation as never }, parts);

describe('isAtRest', () => {
  it.each([
    ['says nothing', {}, true],
    ['says that it is closed', { state: 'closed' }, true],
    ['says that it is open', { state: 'open' }, false],
    ['has a closed snapshot', { snapshot: () => ({ state: 'closed' }) }, true],
    ['has an open snapshot', { snapshot: () => ({ state: 'open' }) }, false],
    ['has no snapshot yet', { snapshot: () => undefined }, true],
    ['ramps up', { snapshot: () => ({ state: 'closed', passRatio: 0.5 }) }, false],
    ['has ramped up', { snapshot: () => ({ state: 'closed', passRatio: 1 }) }, true],
    ['has policies, one of which is open', { policies: [{}, { state: 'open' }] }, false],
    ['has policies, none of which is open', { policies: [{}, { state: 'closed' }] }, true],
    ['has keys and no overflow', { kind: 'keyed', [Symbol.iterator]: () => [['a', {}]].values() }, true],
  ])('of a policy that %s', (_what, parts, expected) => {
    expect(isAtRest(saying(parts), 'hosts')).toBe(expected);
  });

  it('(keyed) only where all members are, the overflow included', async () => {
    const [one, other] = [hosts(), hosts()];
    for (const key of ['a', 'b']) await settled(one.execute(() => 1, at(key)));
    expect(isAtRest(one, 'outer')).toBe(true);
    await settled(one.execute(boom, at('a')));
    expect(isAtRest(one, 'outer')).toBe(false);
    expect(isAtRest(pipeline(one, other), 'outer')).toBe(false);

    expect(isAtRest(other, 'outer')).toBe(true);
    await settled(other.execute(boom, at('__other__')));
    expect([other.size, isAtRest(other, 'outer')]).toEqual([0, false]);
  });
});
