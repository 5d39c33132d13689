import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import type { HookError } from '../../kernel/errors.ts';
import { onHookError } from '../../kernel/hooks.ts';
import type { Policy } from '../../kernel/policy.ts';
import { never, observe, settled } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { retry } from '../retry/retry.ts';
import { noop } from '../noop/noop.ts';
import { type Keyed, type KeyedOptions, keyed } from './keyed.ts';

const host = contextKey<string>('host');
const keyOf = (context: Context): string => context.value(host) ?? '';
const at = (key: string): Context => Context.background.withValue(host, key);

describe('members that a keyed policy drops', () => {
  let clock: VirtualClock;
  let hookErrors: HookError[];
  let disposed: string[];

  beforeEach(() => {
    clock = virtualClock();
    hookErrors = [];
    disposed = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  const make = (key: string): Policy =>
    Object.assign(noop(), { [Symbol.dispose]: (): void => void disposed.push(key) });
  const policyOf = (options: Partial<KeyedOptions> = {}): Keyed =>
    keyed({ name: 'hosts', keyOf, clock, make, ...options });
  const call = async (policy: Policy<unknown>, ...keys: readonly string[]): Promise<void> => {
    for (const key of keys) await settled(policy.execute(() => 'value', at(key))); // oxlint-disable-line no-await-in-loop
  };

  it('members (5): are disposed of when they are evicted, deleted, or idle for too long', async () => {
    const policy = policyOf({ maxKeys: 3, idleMs: 100 });
    await call(policy, 'a', 'b', 'c', 'd');
    expect(disposed).toEqual(['a']);
    policy.evict('b');
    policy.delete('c');
    policy.delete('c');
    expect(disposed).toEqual(['a', 'b', 'c']);
    await clock.advance(100);

    expect([policy.size, disposed]).toEqual([0, ['a', 'b', 'c', 'd']]);
    expect(hookErrors).toEqual([]);
  });

  it('members (5): are disposed of once no call runs under them', async () => {
    const policy = policyOf();
    const contexts = [at('a').withCancel(), at('a').withCancel()];
    for (const context of contexts) observe(policy.execute(never, context));
    policy.delete('a');
    contexts[0]?.cancel();
    await settle();
    expect(disposed).toEqual([]);
    contexts[1]?.cancel();
    await settle();

    expect(disposed).toEqual(['a']);
  });

  it('members (5): are disposed of with the policy, and so is the overflow, once', async () => {
    const policy = policyOf();
    await call(policy, 'a', 'b');
    const context = at('c').withCancel();
    policy.dispose();
    expect(disposed).toEqual(['a', 'b', '__other__']);
    observe(policy.execute(never, context));
    policy.dispose();
    context.cancel();
    await settle();

    expect(disposed).toEqual(['a', 'b', '__other__']);
  });

  it('members (5): leave the overflow as it is for as long as the policy is', async () => {
    using policy = policyOf({ maxKeys: 1 });
    await call(policy, '__other__', '__other__');

    expect(disposed).toEqual([]);
  });

  it('members (5): are disposed of when the block of `using` is left', async () => {
    {
      using policy = policyOf();
      await call(policy, 'a');
    }

    expect(disposed).toEqual(['a', '__other__']);
  });

  it('members (5): leave the overflow as it is while calls run under it', async () => {
    const policy = policyOf({ maxKeys: 1 });
    const contexts = [at('a').withCancel(), at('b').withCancel()];
    for (const context of contexts) observe(policy.execute(never, context));
    policy.dispose();
    expect(disposed).toEqual([]);
    for (const context of contexts) context.cancel();
    await settle();

    expect(disposed).toEqual(['a', '__other__']);
  });

  it('members (5): are disposed of when another one took their place while they were made', async () => {
    let isNested = false;
    const made: Policy[] = [];
    const policy: Keyed = policyOf({
      make: (key) => {
        if (key === 'a' && !isNested) {
          isNested = true;
          observe(policy.execute(() => 'value', at('a')));
        }
        const member = Object.assign(make(key), { number: made.length });
        made.push(member);
        return Object.assign(member, { [Symbol.dispose]: () => void disposed.push(`${key} ${member.number}`) });
      },
    });
    await call(policy, 'a');

    expect([policy.get('a') === made[1], disposed]).toEqual([true, ['a 2']]);
  });

  it('members (5): are kept when it was themselves that took the place', async () => {
    let isNested = false;
    const shared = make('shared');
    const policy: Keyed = policyOf({
      make: (key) => {
        if (key !== 'a' || isNested) return key === 'a' ? shared : make(key);
        isNested = true;
        observe(policy.execute(() => 'value', at('a')));
        return shared;
      },
    });
    await call(policy, 'a');

    expect([policy.get('a') === shared, disposed]).toEqual([true, []]);
  });

  it('members (5): that cannot be disposed of are reported, and forgotten', async () => {
    const policy = policyOf({
      make: () => Object.assign(noop(), { [Symbol.dispose]: () => JSON.parse('{') as never }),
    });
    await call(policy, 'a');

    expect([policy.delete('a'), policy.size]).toEqual([true, 0]);
    expect(hookErrors).toMatchObject([{ hook: 'dispose', policy: 'hosts' }]);
  });

  it('end their health checks', async () => {
    let checks = 0;
    const policy = keyed({
      keyOf,
      clock,
      make: (_key, name) =>
        circuitBreaker({
          clock,
          name,
          minimumCalls: 1,
          openForMs: 1000,
          healthCheck: () => {
            checks++;
            throw new Error('down');
          },
        }),
    });
    await settled(policy.execute(() => JSON.parse('{'), at('a')));
    await clock.advance(1000);
    const before = checks;
    expect(before).toBeGreaterThan(0);
    policy.delete('a');
    await clock.advance(60_000);

    expect([checks, clock.pendingCount]).toEqual([before, 0]);
  });

  it('member-changes (1), (2): take part in no plan that has become impossible, and neither do members made later', async () => {
    const policy = keyed({
      name: 'hosts',
      keyOf,
      make: (_key, name) => retry({ name, baseDelayMs: 10, maxDelayMs: 1000 }),
    });
    await call(policy, 'a');
    const plans = [policy.planUpdateEach({ baseDelayMs: 500 }), policy.planUpdateEach({ maxDelayMs: 100 })];
    for (const apply of plans) apply();
    await call(policy, 'b');

    const told = [policy.overflow, policy.get('a'), policy.get('b')].map((member) => member?.describe().options);
    for (const options of told) expect(options).toMatchObject({ baseDelayMs: 500, maxDelayMs: 1000 });
    expect(hookErrors).toMatchObject([{ hook: 'make', policy: 'hosts' }]);
  });
});
