import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type {
  CircuitMember,
  CircuitStore,
  FollowedState,
  ProbeAnswer,
  SharedCircuit,
} from '../../kernel/circuit-store.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { settled } from '../../testing/operation-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { type CircuitBreakerOptions, circuitBreaker } from './circuit-breaker.ts';

/** A store that a test speaks for. */
function scriptedStore(overrides: Partial<SharedCircuit> = {}, first?: Partial<FollowedState>) {
  const heard: string[] = [];
  const members: CircuitMember[] = [];
  const say = (what: string) => (): void => void heard.push(what);
  const script = { answer: 'own' as ProbeAnswer, retryAfterMs: 0 };
  const rule = (state: Partial<FollowedState>): void =>
    members.at(-1)?.follow({
      state: 'closed',
      remainingMs: 0,
      reopenings: 0,
      isNew: true,
      reason: undefined,
      owner: undefined,
      ...state,
    });
  const circuit: SharedCircuit = {
    tripped: ({ openMs, reason }) => heard.push(`tripped ${openMs} ${reason}`),
    recovered: say('recovered'),
    wasReset: say('reset'),
    noteDemand: say('demand'),
    probe: () => script.answer,
    retryAfterMs: () => script.retryAfterMs,
    explain: () => ({ view: 'fresh' }) as never,
    leave: say('left'),
    ...overrides,
  };
  const store: CircuitStore = {
    join: (member) => {
      members.push(member);
      if (first !== undefined) rule(first);
      return circuit;
    },
    health: () => ({}) as never,
    close: async () => {},
  };
  return { store, heard, members, script, rule };
}

function shared(options: CircuitBreakerOptions = {}, scripted = scriptedStore()) {
  const clock = virtualClock();
  const events = createEvents();
  const recorder = recordEvents(events);
  const given = { name: 'prices', minimumCalls: 2, openForMs: 1000, maxProbes: 2, clock, events, ...options };
  const breaker = circuitBreaker({ ...given, store: scripted.store });
  const transitions = () =>
    recorder.events.flatMap((event) => {
      if (event.type !== 'circuit-breaker.transitioned') return [];
      const { from, to, reason } = event as unknown as Record<'from' | 'to' | 'reason', string | undefined>;
      return [reason === undefined ? `${from} ${to}` : `${from} ${to} ${reason}`];
    });
  return { clock, events, breaker, transitions, member: scripted.members[0]!, ...scripted };
}

const fail = (breaker: ReturnType<typeof circuitBreaker>, times = 2): void => {
  for (let call = 0; call < times; call++) breaker.tryAcquire()?.failure();
};

let reported: string[] = [];
let before: ReturnType<typeof onHookError>;
beforeEach(() => {
  reported = [];
  before = onHookError((error) => reported.push(`${error.hook} ${String(error.policy)}`));
});
afterEach(() => void onHookError(before));

describe('fleet link', () => {
  it('is there for breakers that have a name and a store, and are not local', () => {
    const { store, members } = scriptedStore();
    circuitBreaker({ store });
    circuitBreaker({ name: 'local', store, sharing: 'local' });
    circuitBreaker({ name: 'shared', store });

    expect(members.map(({ name }) => name)).toEqual(['shared']);
  });

  it.each([
    [{ store: 7 }, 'circuitBreaker.store must be a CircuitStore, got 7'],
    [{ store: { join: () => {} } }, 'circuitBreaker.store must be a CircuitStore, got an object'],
    [{ sharing: 'global' }, 'circuitBreaker.sharing must be one of "fleet", "local", got "global"'],
    [{ healthCheck: 7 }, 'circuitBreaker.healthCheck must be a function, got 7'],
  ])('refuses %j', (options, message) => {
    const { store, members } = scriptedStore();

    expect(() => circuitBreaker({ name: 'prices', store, ...(options as object) })).toThrow(message);
    expect(members).toEqual([]);
  });

  it('(1) tells the store what happens, and counts what happened in this state', async () => {
    const { clock, breaker, heard, member } = shared({ window: { kind: 'time', durationMs: 1000, bucketCount: 10 } });
    breaker.tryAcquire()?.success();
    await clock.advance(300);
    breaker.tryAcquire()?.ignore();
    expect(member.tally()).toEqual({ successes: 1, failures: 0 });
    breaker.tryAcquire()?.failure();
    expect(heard).toEqual(['tripped 1000 failureRatio']);
    expect(member.recent()).toEqual([]);
    breaker.tryAcquire();
    await clock.advance(1000);
    const late = breaker.tryAcquire();
    breaker.tryAcquire()?.success();
    late?.success();

    expect(heard).toEqual(['tripped 1000 failureRatio', 'demand', 'recovered']);
    expect(member.tally()).toEqual({ successes: 0, failures: 0 });
    fail(breaker, 1);
    expect([member.tally(), member.recent()]).toEqual([
      { successes: 0, failures: 1 },
      [{ ageMs: 0, successes: 0, failures: 1 }],
    ]);
    breaker.reset();
    expect([heard.at(-1), member.tally()]).toEqual(['reset', { successes: 0, failures: 0 }]);
  });

  it.each([
    ['throws', () => raise()],
    ['gives nothing', () => undefined],
    ['gives a promise', () => Promise.reject(new Error('later'))],
    ['gives half of what it must', () => ({ tripped: () => {}, leave: () => {} })],
  ])('(1) lets a breaker decide by itself where join %s', async (_what, join) => {
    const store = { join, health: () => ({}), close: async () => {} } as never;
    const clock = virtualClock();
    const breaker = circuitBreaker({ name: 'prices', minimumCalls: 2, openForMs: 1000, maxProbes: 1, clock, store });
    expect(reported).toEqual(['store prices']);
    fail(breaker);
    expect([breaker.state, breaker.snapshot().fleet]).toEqual(['open', undefined]);
    await clock.advance(1000);
    breaker.tryAcquire()?.success();

    expect(breaker.state).toBe('closed');
    breaker[Symbol.dispose]();
    expect(reported).toEqual(['store prices']);
  });

  it('(1) lets nothing that the store throws reach a caller', async () => {
    const names = ['tripped', 'recovered', 'wasReset', 'probe', 'noteDemand', 'retryAfterMs', 'explain', 'leave'];
    const throwing = Object.fromEntries(names.map((name) => [name, raise])) as unknown as Partial<SharedCircuit>;
    const { clock, breaker } = shared({ maxProbes: 1 }, scriptedStore(throwing));
    fail(breaker);
    expect(await settled(breaker.execute(() => 1))).toMatchObject({
      error: { code: 'CIRCUIT_OPEN', retryAfterMs: 1000 },
    });
    await clock.advance(1000);
    const probe = breaker.tryAcquire();
    expect(await settled(breaker.execute(() => 1))).toMatchObject({ error: { reason: 'half-open-full' } });
    probe?.success();
    expect([breaker.state, breaker.snapshot().fleet]).toEqual(['closed', undefined]);
    breaker.reset();
    breaker[Symbol.dispose]();

    expect(new Set(reported)).toEqual(new Set(['store prices']));
    expect(reported.length).toBeGreaterThanOrEqual(names.length);
  });

  it.each([
    ['a promise', Promise.resolve('none')],
    ['null', null],
    ['a lease without an end', { settle: () => {}, remainingMs: Number.NaN }],
    ['a lease that cannot be settled', { remainingMs: 5 }],
  ])('(1) probes by itself where the store answers with %s', async (_what, answer) => {
    const { clock, breaker } = shared({}, scriptedStore({ probe: () => answer as never, retryAfterMs: () => -1 }));
    fail(breaker);
    await clock.advance(1000);

    expect(breaker.tryAcquire()).toBeDefined();
    expect(reported).toEqual(['store prices']);
  });

  it('(1) reports a lease that throws, and a ruling that is none', async () => {
    const { breaker, script, rule, transitions } = shared();
    rule({ state: 'half-open' });
    script.answer = { remainingMs: 100, settle: raise };
    breaker.tryAcquire()?.success();
    rule({ state: 'ajar' as never });
    rule({ state: 'constructor' as never });

    expect([reported, transitions()]).toEqual([['store prices', 'store prices', 'store prices'], ['closed half-open']]);
  });

  it('follows rulings, and says why', async () => {
    const { clock, breaker, rule, transitions } = shared({ rampUpMs: 1000 });
    rule({ state: 'open', remainingMs: 500, reason: 'slowRatio', reopenings: 2 });
    expect(breaker.snapshot()).toMatchObject({
      state: 'open',
      remainingOpenMs: 500,
      tripReason: 'slowRatio',
      reopenings: 2,
    });
    rule({ state: 'open', remainingMs: 200, isNew: false });
    expect(breaker.snapshot().remainingOpenMs).toBe(200);
    await clock.advance(200);
    rule({ state: 'half-open' });
    rule({ state: 'open', remainingMs: 100, reason: 'lost-probes' });
    rule({ state: 'closed', remainingMs: 400 });
    expect(breaker.snapshot().passRatio).toBe(0.6);
    rule({ state: 'open', remainingMs: 100, reason: 'failure-ratio' });
    rule({ state: 'closed' });
    expect(breaker.snapshot().passRatio).toBe(1);
    rule({ state: 'open', remainingMs: 100, reason: 'whatever' });

    expect(transitions()).toEqual([
      'closed open slowRatio',
      'open half-open',
      'half-open open probes',
      'open closed',
      'closed open failureRatio',
      'open closed',
      'closed open fleet',
    ]);
  });

  it('starts in the state that the fleet is in, also with its health check', async () => {
    let checks = 0;
    const { clock, breaker, transitions } = shared(
      { healthCheck: async () => void checks++, maxProbes: 1 },
      scriptedStore({}, { state: 'open', remainingMs: 300, reason: 'probes' }),
    );
    expect([breaker.state, transitions()]).toEqual(['open', ['closed open probes']]);
    await clock.advance(299);
    expect(checks).toBe(0);
    await clock.advance(1);

    expect(checks).toBe(1);
  });

  it('forgets what it has seen where the fleet has ruled anew, and calls under way', () => {
    const { breaker, rule, member } = shared();
    const permit = breaker.tryAcquire();
    fail(breaker, 1);
    rule({ state: 'closed' });
    permit?.failure();
    fail(breaker, 1);

    expect([breaker.state, member.tally()]).toEqual(['closed', { successes: 0, failures: 1 }]);
  });

  it('runs probes with leases of the fleet only, which judges them', async () => {
    const { clock, breaker, script, rule } = shared({ slowCallMs: 50 });
    const verdicts: string[] = [];
    const lease = (): ProbeAnswer => ({ remainingMs: 100, settle: (...verdict) => verdicts.push(verdict.join(' ')) });
    rule({ state: 'open', remainingMs: 100 });
    await clock.advance(100);
    script.answer = 'none';
    script.retryAfterMs = 20;
    expect(await settled(breaker.execute(() => 1))).toMatchObject({
      error: { reason: 'half-open-full', retryAfterMs: 20 },
    });
    script.answer = lease();
    await settled(breaker.execute(() => Promise.reject(Object.assign(new Error('busy'), { retryAfterMs: 70 }))));
    script.answer = lease();
    breaker.tryAcquire()?.ignore();
    script.answer = lease();
    const slow = breaker.tryAcquire();
    await clock.advance(50);
    expect([breaker.state, verdicts]).toEqual(['half-open', ['failure 70', 'ignored 0', 'failure 0']]);
    slow?.success();
    script.answer = lease();
    breaker.tryAcquire()?.success();

    expect(breaker.state).toBe('half-open');
    expect(verdicts).toEqual(['failure 70', 'ignored 0', 'failure 0', 'success 0']);
  });

  it('(2) is held by the fleet beside holds of this process', async () => {
    const { clock, breaker, rule, transitions } = shared();
    using hold = breaker.hold('closed', { owner: 'me', forMs: Infinity });
    rule({ state: 'forced-open', remainingMs: 500, owner: 'ops', reason: 'drill' });
    expect(breaker.snapshot()).toMatchObject({
      state: 'forced-open',
      holds: [
        { owner: 'me', state: 'forced-closed' },
        { owner: 'fleet', state: 'forced-open', reason: 'ops: drill', remainingMs: 500 },
      ],
    });
    rule({ state: 'open', owner: undefined, remainingMs: 0 });
    expect(breaker.state).toBe('forced-closed');
    hold.release();

    expect([breaker.state, transitions()]).toEqual([
      'half-open',
      ['closed forced-closed', 'forced-closed forced-open', 'forced-open forced-closed', 'forced-closed half-open'],
    ]);
    await clock.advance(1);
  });

  it('(2) ends a hold of the fleet with its time, with a ruling, and when it leaves', async () => {
    const { clock, breaker, rule } = shared();
    rule({ state: 'forced-closed', remainingMs: 100, owner: 'ops' });
    expect([breaker.state, breaker.snapshot().holds[0]?.reason]).toEqual(['forced-closed', 'ops']);
    await clock.advance(100);
    expect(breaker.state).toBe('closed');
    rule({ state: 'forced-open', remainingMs: 100 });
    expect(breaker.state).toBe('forced-open');
    expect(await settled(breaker.execute(() => 1))).toMatchObject({
      error: { reason: 'forced-open', retryAfterMs: 100 },
    });
    rule({ state: 'closed' });
    expect(breaker.state).toBe('closed');
    rule({ state: 'forced-open', remainingMs: 10_000 });
    breaker[Symbol.dispose]();
    expect(breaker.state).toBe('open');
    await clock.advance(10_000);

    breaker.tryAcquire()?.success();
    expect(breaker.state).toBe('closed');
  });

  it('(3) says whether it proposes, by its enforcement', () => {
    const { breaker, member, rule } = shared();
    expect(member.memberRules.proposes).toBe(true);
    breaker.update({ enforcement: 'observe' });
    expect(member.memberRules.proposes).toBe(false);
    rule({ state: 'open', remainingMs: 500 });
    const permit = breaker.tryAcquire();
    expect([breaker.state, permit === undefined, breaker.snapshot().observed]).toEqual(['open', false, 1]);
    breaker.update({ enforcement: 'off' });
    expect([member.memberRules.proposes, breaker.tryAcquire() === undefined]).toEqual([false, false]);
    rule({ state: 'closed' });
    breaker.update({ enforcement: 'enforce' });

    expect([member.memberRules.proposes, breaker.state]).toEqual([true, 'closed']);
  });

  it('says by which rules it decides, the same ones as the same object', () => {
    const window = { kind: 'time', durationMs: 10_000 } as const;
    const { breaker, member } = shared({ probeSuccessRatio: 0.6, maxProbes: 5, window, rampUpMs: 7 });
    const rules = member.memberRules;
    expect(rules).toMatchObject({
      maxProbes: 5,
      neededSuccesses: 3,
      evidenceSpanMs: 10_000,
      bucketMs: 1000,
      rampUpMs: 7,
    });
    expect(member.memberRules).toBe(rules);
    breaker.update({ openForMs: 2000 });
    expect(member.memberRules).toMatchObject({ openForMs: 2000, maxProbes: 5 });
    expect(member.memberRules.fingerprint).not.toBe(rules.fingerprint);
    const other = shared({ probeSuccessRatio: 0.6, maxProbes: 5, window, rampUpMs: 7, openForMs: 2000 });

    expect(other.member.memberRules.fingerprint).toBe(member.memberRules.fingerprint);
  });

  it.each([
    [0.1, 3, 1],
    [0.3, 10, 3],
    [0.5, 3, 2],
    [1, 3, 3],
    [0.000_000_000_1, 1, 1],
  ])('needs of %d of %i probes %i successes', (probeSuccessRatio, maxProbes, neededSuccesses) => {
    const { member } = shared({ probeSuccessRatio, maxProbes });
    expect(member.memberRules).toMatchObject({ neededSuccesses, evidenceSpanMs: Infinity, bucketMs: undefined });
  });

  it('goes by the own clock of the breaker', async () => {
    const { clock, breaker, rule } = shared();
    await clock.advance(1_000_000);
    rule({ state: 'open', remainingMs: 500 });
    await clock.advance(499);
    expect(breaker.state).toBe('open');
    await clock.advance(1);
    expect(breaker.state).toBe('half-open');
  });

  it('believes a listener that resets, holds, changes or leaves while it is told of a ruling', () => {
    const acts: ((breaker: ReturnType<typeof circuitBreaker>) => unknown)[] = [
      (breaker) => breaker.reset(),
      (breaker) => breaker.hold('closed', { owner: 'me', forMs: 500 }),
      (breaker) => breaker.update({ enforcement: 'off' }),
      (breaker) => breaker[Symbol.dispose](),
      () => raise(),
    ];
    const states = acts.map((act) => {
      const { breaker, events, rule, heard } = shared();
      let isFirst = true;
      events.listen(() => {
        if (!isFirst) return;
        isFirst = false;
        act(breaker);
      });
      rule({ state: 'open', remainingMs: 500 });
      return [breaker.state, heard.join()];
    });

    expect(states).toEqual([
      ['closed', 'reset'],
      ['forced-closed', ''],
      ['open', ''],
      ['open', 'left'],
      ['open', ''],
    ]);
  });

  it('tells the fleet of no opening that a listener has undone, nor of a closing', async () => {
    const { clock, breaker, events, heard } = shared({ maxProbes: 1 });
    const to = (event: object) => (event as { readonly to?: string }).to;
    const off = events.listen((event) => void (to(event) === 'open' && breaker.reset()));
    fail(breaker);
    expect([breaker.state, heard]).toEqual(['closed', ['reset']]);
    off();
    fail(breaker);
    await clock.advance(1000);
    events.listen((event) => void (to(event) === 'closed' && fail(breaker)));
    breaker.tryAcquire()?.success();

    expect(breaker.state).toBe('open');
    expect(heard).toEqual(['reset', 'tripped 1000 failureRatio', 'tripped 1000 failureRatio']);
  });

  it('goes on by itself after it has left, in every state', async () => {
    for (const state of ['closed', 'open', 'half-open'] as const) {
      const { clock, breaker, rule, heard, script } = shared({ maxProbes: 1 });
      rule({ state, remainingMs: state === 'open' ? 100 : 0 });
      script.answer = 'none';
      breaker[Symbol.dispose]();
      breaker[Symbol.dispose]();
      rule({ state: 'forced-open', remainingMs: 1000 });
      // oxlint-disable-next-line no-await-in-loop -- one case after the other
      await clock.advance(100);
      breaker.tryAcquire()?.success();
      expect([breaker.state, heard, breaker.snapshot().fleet]).toEqual(['closed', ['left'], undefined]);
      fail(breaker);
      expect([breaker.state, heard]).toEqual(['open', ['left']]);
    }
  });

  it('takes the verdict of a probe of the fleet that ends after it has left for no verdict of its own', () => {
    const { breaker, rule, script } = shared({ maxProbes: 1 });
    const verdicts: string[] = [];
    rule({ state: 'half-open' });
    script.answer = { remainingMs: 100, settle: (verdict) => verdicts.push(verdict) };
    const probe = breaker.tryAcquire();
    breaker[Symbol.dispose]();
    probe?.failure();
    expect([breaker.state, verdicts]).toEqual(['half-open', ['failure']]);
    breaker.tryAcquire()?.success();

    expect(breaker.state).toBe('closed');
  });

  it('keeps what was restored until the fleet rules', async () => {
    const { breaker, rule, heard, clock } = shared({ maxProbes: 1 });
    const record = { version: 1, savedAt: 0, remainingOpenMs: 800, reopenings: 1, window: [] };
    expect(breaker.restore(record, { wallMs: 0 })).toBe(true);
    expect([breaker.state, heard]).toEqual(['open', []]);
    await clock.advance(800);
    breaker.tryAcquire()?.success();
    expect([breaker.state, heard]).toEqual(['closed', ['recovered']]);
    breaker.restore(record, { wallMs: 0 });
    rule({ state: 'closed' });

    expect(breaker.state).toBe('closed');
  });

  it('goes on with other rules while it is open and half-open', async () => {
    const { clock, breaker, rule, script } = shared({ maxProbes: 3 });
    rule({ state: 'open', remainingMs: 100 });
    breaker.update({ maxProbes: 1, openForMs: 5000, window: { kind: 'count', size: 10 } });
    await clock.advance(100);
    script.answer = { remainingMs: 100, settle: () => {} };
    const probe = breaker.tryAcquire();
    breaker.update({ maxProbes: 2, probeSuccessRatio: 1 });
    probe?.success();

    expect(breaker.state).toBe('half-open');
  });
});

function raise(): never {
  throw new Error('broken');
}
