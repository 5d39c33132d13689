/**
 * The breaker against a model that keeps logs and does sums. Permits are asked for and settled in every order, on a clock that
 * is moved by hand, while the circuit is held, reset, changed and looked at.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Clock } from '../../kernel/clock.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Verdict } from '../../kernel/outcome.ts';
import { type CircuitBreaker, type CircuitPermit, type CircuitState, circuitBreaker } from './circuit-breaker.ts';

interface Setup {
  readonly failureTenths: number;
  readonly minimumCalls: number;
  readonly failureCount: number | undefined;
  readonly slowCallMs: number | undefined;
  readonly slowTenths: number;
  readonly openForMs: number;
  readonly factor: number;
  readonly maxOpenForMs: number;
  readonly maxProbes: number;
  readonly successTenths: number;
  readonly probeLeaseMs: number;
  readonly rampUpMs: number;
  readonly enforcement: 'enforce' | 'observe' | 'off';
  readonly window: { readonly size: number } | { readonly bucketMs: number; readonly bucketCount: number };
}

type Command =
  | { readonly kind: 'acquire' | 'reset' | 'look' }
  | { readonly kind: 'settle'; readonly index: number; readonly verdict: Verdict; readonly retryAfterMs: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'hold'; readonly state: 'open' | 'closed'; readonly owner: string; readonly forMs: number }
  | { readonly kind: 'release'; readonly owner: string }
  | { readonly kind: 'update'; readonly changes: Partial<Pick<Setup, 'openForMs' | 'maxProbes' | 'failureTenths'>> };

const int = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

const setups: fc.Arbitrary<Setup> = fc.record({
  failureTenths: int(1, 10),
  minimumCalls: int(1, 4),
  failureCount: fc.option(int(1, 4), { nil: undefined }),
  slowCallMs: fc.option(int(1, 20), { nil: undefined }),
  slowTenths: int(1, 10),
  openForMs: int(1, 15),
  factor: int(1, 3),
  maxOpenForMs: int(15, 60),
  maxProbes: int(1, 4),
  successTenths: int(1, 10),
  probeLeaseMs: int(1, 30),
  rampUpMs: fc.constantFrom(0, 0, 20),
  enforcement: fc.constantFrom('enforce', 'enforce', 'enforce', 'observe', 'off'),
  window: fc.oneof(fc.record({ size: int(4, 8) }), fc.record({ bucketMs: int(1, 10), bucketCount: int(1, 4) })),
});

const owner = fc.constantFrom('people', 'controller');

const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    { weight: 7, arbitrary: fc.constant<Command>({ kind: 'acquire' }) },
    {
      weight: 7,
      arbitrary: fc.record<Command & { kind: 'settle' }>({
        kind: fc.constant('settle'),
        index: fc.nat(5),
        verdict: fc.constantFrom('success', 'success', 'failure', 'failure', 'ignored'),
        retryAfterMs: fc.constantFrom(0, 0, 0, 25, 1000),
      }),
    },
    { weight: 4, arbitrary: int(0, 20).map((ms): Command => ({ kind: 'wait', ms })) },
    { weight: 1, arbitrary: fc.constantFrom<Command>({ kind: 'reset' }, { kind: 'look' }) },
    {
      weight: 1,
      arbitrary: fc.oneof(
        fc.record<Command & { kind: 'hold' }>({
          kind: fc.constant('hold'),
          state: fc.constantFrom('open', 'closed'),
          owner,
          forMs: fc.constantFrom(5, 30, Infinity),
        }),
        owner.map((name): Command => ({ kind: 'release', owner: name })),
        fc
          .record({ openForMs: int(1, 15), maxProbes: int(1, 4), failureTenths: int(1, 10) }, { requiredKeys: [] })
          .map((changes): Command => ({ kind: 'update', changes: changes as Partial<Setup> })),
      ),
    },
  ),
  { minLength: 10, maxLength: 40, size: 'max' },
);

/** A call that the model let run. */
interface Call {
  readonly permit: CircuitPermit;
  readonly entry: number;
  readonly startedAt: number;
  readonly isProbe: boolean;
  readonly expiresAt: number;
  /** Whether it is in the books: not under a hold, not refused under `observe`. */
  readonly counts: boolean;
  judged: boolean;
}

interface Logged {
  readonly at: number;
  readonly bad: boolean;
}

/** What the breaker should be, found by looking through logs. */
class Model {
  setup: Setup;
  now = 0;
  draw = 0;
  state: 'closed' | 'open' | 'half-open' = 'closed';
  entry = 0;
  openUntil = 0;
  reopenings = 0;
  rampFrom: number | undefined = undefined;
  outcomes: Logged[] = [];
  speeds: Logged[] = [];
  probes: Call[] = [];
  results: boolean[] = [];
  running: Call[] = [];
  holds = new Map<string, { readonly state: 'open' | 'closed'; readonly until: number }>();
  readonly verdicts = { success: 0, failure: 0, ignored: 0 };
  refused = 0;
  observed = 0;

  constructor(setup: Setup) {
    this.setup = setup;
  }

  get visible(): CircuitState {
    return this.held ?? (this.state === 'open' && this.now >= this.openUntil ? 'half-open' : this.state);
  }

  get held(): 'forced-open' | 'forced-closed' | undefined {
    const live = [...this.holds.values()].filter(({ until }) => until > this.now).map(({ state }) => state);
    if (live.includes('open')) return 'forced-open';
    return live.length > 0 ? 'forced-closed' : undefined;
  }

  /** What a call that asks is: run in the books, run outside of them, or refused. */
  ask(): 'call' | 'probe' | 'uncounted' | 'refused' {
    if (this.setup.enforcement === 'off') return 'uncounted';
    this.judge();
    const answer = this.#answer();
    if (answer !== 'refused') return answer;
    if (this.held === 'forced-open') {
      this.refused++;
      return 'refused';
    }
    if (this.setup.enforcement === 'observe') this.observed++;
    else this.refused++;
    return this.setup.enforcement === 'observe' ? 'uncounted' : 'refused';
  }

  settle(call: Call, verdict: Verdict, retryAfterMs: number): void {
    if (this.setup.enforcement === 'off' && !call.counts && call.entry === -2) return;
    this.running = this.running.filter((other) => other !== call);
    if (call.entry === -2) return;
    this.verdicts[verdict]++;
    if (call.isProbe)
      this.#settleProbe(call, this.#isSlow(call) && verdict === 'success' ? 'failure' : verdict, retryAfterMs);
    else {
      this.running.push(call);
      this.judge();
      this.running = this.running.filter((other) => other !== call);
      this.#settleCall(call, verdict, retryAfterMs);
    }
  }

  /** Finds the running calls that have become slow. */
  judge(): void {
    if (this.setup.slowCallMs === undefined) return;
    if (this.state === 'half-open') {
      for (const probe of this.probes) if (this.#isSlow(probe)) this.#settleProbe(probe, 'failure', 0);
      return;
    }
    const slow = this.running.filter(
      (call) => call.entry === this.entry && call.counts && !call.judged && this.#isSlow(call),
    );
    for (const call of slow) {
      call.judged = true;
      this.speeds.push({ at: this.now, bad: true });
    }
    if (slow.length > 0) this.#openIfBad(0);
  }

  change(changes: Partial<Setup>): void {
    this.setup = { ...this.setup, ...changes };
    if (this.state === 'half-open') this.#decide(0);
  }

  reset(): void {
    this.reopenings = 0;
    this.#enter('closed');
  }

  inWindow(log: readonly Logged[]): readonly Logged[] {
    const { window } = this.setup;
    if (this.state !== 'closed') return [];
    if ('size' in window) return log.slice(-window.size);
    const newest = Math.floor(this.now / window.bucketMs);
    return log.filter(({ at }) => Math.floor(at / window.bucketMs) > newest - window.bucketCount);
  }

  #answer(): 'call' | 'probe' | 'uncounted' | 'refused' {
    if (this.held !== undefined) return this.held === 'forced-open' ? 'refused' : 'uncounted';
    if (this.state === 'open' && this.now >= this.openUntil) this.#enter('half-open');
    if (this.state === 'open') return 'refused';
    return this.state === 'half-open' ? this.#answerHalfOpen() : this.#answerClosed();
  }

  #answerHalfOpen(): 'probe' | 'refused' {
    this.probes = this.probes.filter((probe) => probe.expiresAt > this.now);
    return this.probes.length + this.results.length < this.setup.maxProbes ? 'probe' : 'refused';
  }

  #answerClosed(): 'call' | 'refused' {
    const ratio = this.rampFrom === undefined ? 1 : (this.now - this.rampFrom) / this.setup.rampUpMs;
    if (ratio >= 1) this.rampFrom = undefined;
    return ratio >= 1 || this.draw < Math.max(0.1, ratio) ? 'call' : 'refused';
  }

  #isSlow({ startedAt }: Call): boolean {
    return this.setup.slowCallMs !== undefined && this.now - startedAt >= this.setup.slowCallMs;
  }

  #settleCall(call: Call, verdict: Verdict, retryAfterMs: number): void {
    if (call.entry !== this.entry || verdict === 'ignored') return;
    if (this.setup.slowCallMs !== undefined && !call.judged) this.speeds.push({ at: this.now, bad: false });
    this.outcomes.push({ at: this.now, bad: verdict === 'failure' });
    this.#openIfBad(retryAfterMs);
  }

  #openIfBad(retryAfterMs: number): void {
    const { failureTenths, slowTenths, failureCount = Infinity } = this.setup;
    const failures = this.inWindow(this.outcomes).filter(({ bad }) => bad).length;
    const isBad = (log: readonly Logged[], tenths: number): boolean => {
      const seen = this.inWindow(log);
      const bad = seen.filter((entry) => entry.bad).length;
      return bad > 0 && seen.length >= this.setup.minimumCalls && bad * 10 >= tenths * seen.length;
    };
    const opens = failures >= failureCount || isBad(this.outcomes, failureTenths) || isBad(this.speeds, slowTenths);
    if (opens) this.#open(retryAfterMs);
  }

  #settleProbe(call: Call, verdict: Verdict, retryAfterMs: number): void {
    if (!this.probes.includes(call)) return;
    this.probes = this.probes.filter((probe) => probe !== call);
    if (verdict === 'ignored') return;
    this.results.push(verdict === 'success');
    this.#decide(retryAfterMs);
  }

  #decide(retryAfterMs: number): void {
    const { maxProbes, successTenths, rampUpMs } = this.setup;
    const succeeded = this.results.filter(Boolean).length;
    const possible = maxProbes - (this.results.length - succeeded);
    if (succeeded * 10 >= successTenths * maxProbes) {
      this.reset();
      if (rampUpMs > 0) this.rampFrom = this.now;
    } else if (possible * 10 < successTenths * maxProbes) this.#open(retryAfterMs);
  }

  #open(retryAfterMs: number): void {
    const { openForMs, factor, maxOpenForMs } = this.setup;
    this.reopenings = this.state === 'half-open' ? this.reopenings + 1 : 0;
    const grownMs = openForMs * factor ** this.reopenings;
    this.openUntil = this.now + Math.min(maxOpenForMs, Math.max(grownMs, retryAfterMs));
    this.#enter('open');
  }

  #enter(state: 'closed' | 'open' | 'half-open'): void {
    this.state = state;
    this.entry++;
    this.outcomes = [];
    this.speeds = [];
    this.probes = [];
    this.results = [];
    this.rampFrom = undefined;
  }
}

/** The breaker and the model, side by side. */
class Trial {
  readonly model: Model;
  readonly breaker: CircuitBreaker;
  readonly told: string[] = [];
  readonly #calls: Call[] = [];
  readonly #releases = new Map<string, () => boolean>();
  #draws = 0;

  constructor(setup: Setup) {
    this.model = new Model(setup);
    const { window, failureTenths, slowTenths, successTenths, factor, failureCount, slowCallMs, ...rest } = setup;
    const clock: Clock = { now: () => this.model.now, setTimer: () => expect.unreachable('a breaker sets no timer') };
    const events = createEvents();
    events.listen((event) => {
      if (event.type === 'circuit-breaker.transitioned') this.told.push((event as unknown as { to: string }).to);
    });
    this.breaker = circuitBreaker({
      ...rest,
      ...(failureCount !== undefined && { failureCount }),
      ...(slowCallMs !== undefined && { slowCallMs, slowRatio: slowTenths / 10 }),
      failureRatio: failureTenths / 10,
      probeSuccessRatio: successTenths / 10,
      openBackoffRatio: factor,
      window:
        'size' in window
          ? { kind: 'count', size: window.size }
          : { kind: 'time', durationMs: window.bucketMs * window.bucketCount, bucketCount: window.bucketCount },
      clock,
      events,
      random: () => this.model.draw,
    });
  }

  play(command: Command): void {
    const { model, breaker } = this;
    if (command.kind === 'acquire') this.#acquire();
    else if (command.kind === 'wait') model.now += command.ms;
    else if (command.kind === 'settle') this.#settle(command);
    else if (command.kind === 'hold') this.#hold(command);
    else if (command.kind === 'release') {
      this.#releases.get(command.owner)?.();
      model.holds.delete(command.owner);
    } else if (command.kind === 'reset') {
      breaker.reset();
      model.reset();
    } else if (command.kind === 'update') this.#update(command.changes);
    model.judge();
    expectSame(breaker, model);
  }

  #acquire(): void {
    const { model } = this;
    model.draw = (this.#draws++ * 0.37) % 1;
    const expected = model.ask();
    const permit = this.breaker.tryAcquire();
    if ((permit === undefined) !== (expected === 'refused'))
      throw new Error(`expected ${expected}, got ${permit === undefined ? 'nothing' : 'a permit'}`);
    if (permit === undefined) return;
    const isHeld = model.held !== undefined;
    const entry =
      expected === 'uncounted'
        ? isHeld && model.setup.enforcement !== 'off' && model.held !== 'forced-open'
          ? -1
          : -2
        : model.entry;
    const call: Call = {
      permit,
      entry,
      startedAt: model.now,
      isProbe: expected === 'probe',
      expiresAt: model.now + model.setup.probeLeaseMs,
      counts: expected === 'call' || expected === 'probe',
      judged: false,
    };
    this.#calls.push(call);
    if (call.isProbe) model.probes.push(call);
    else model.running.push(call);
  }

  #settle({ index, verdict, retryAfterMs }: Command & { kind: 'settle' }): void {
    const call = this.#calls.at(-1 - (index % Math.max(1, this.#calls.length)));
    if (call === undefined) return;
    this.#calls.splice(this.#calls.indexOf(call), 1);
    this.model.settle(call, verdict, verdict === 'failure' ? retryAfterMs : 0);
    if (verdict === 'success') call.permit.success();
    else if (verdict === 'failure') call.permit.failure(retryAfterMs === 0 ? new Error('down') : { retryAfterMs });
    else call.permit.ignore();
    call.permit.failure(); // once settled, it says nothing more
  }

  #hold({ state, owner: name, forMs }: Command & { kind: 'hold' }): void {
    const hold = this.breaker.hold(state, { owner: name, forMs });
    this.#releases.set(name, () => hold.release());
    this.model.holds.set(name, { state, until: this.model.now + forMs });
  }

  #update(changes: Partial<Pick<Setup, 'openForMs' | 'maxProbes' | 'failureTenths'>>): void {
    const { failureTenths, ...rest } = changes;
    this.breaker.update({ ...rest, ...(failureTenths !== undefined && { failureRatio: failureTenths / 10 }) });
    this.model.change(changes);
  }
}

function expectSame(breaker: CircuitBreaker, model: Model): void {
  const { state, calls, failures, timedCalls, slowCalls, verdicts, rejections, observed, reopenings } =
    breaker.snapshot();
  const outcomes = model.inWindow(model.outcomes);
  const speeds = model.inWindow(model.speeds);
  const real = [state, calls, failures, timedCalls, slowCalls, reopenings, observed, ...Object.values(verdicts)].join(
    ' ',
  );
  const expected = [
    model.visible,
    outcomes.length,
    outcomes.filter(({ bad }) => bad).length,
    speeds.length,
    speeds.filter(({ bad }) => bad).length,
    model.reopenings,
    model.observed,
    ...Object.values(model.verdicts),
  ].join(' ');
  if (real !== expected) throw new Error(`expected ${expected}, got ${real}`);
  const refused = Object.values(rejections).reduce((sum, count) => sum + count, 0);
  if (refused !== model.refused) throw new Error(`expected ${model.refused} refusals, got ${refused}`);
}

describe('breaker, against a model that keeps logs', () => {
  it('breaker (1), (2), (4), (5): is in every respect what the model is, after each of many commands', () => {
    const seen = new Map<string, number>();
    const property = fc.property(setups, commands, (setup, steps) => {
      const trial = new Trial(setup);
      for (const step of steps) trial.play(step);
      for (const state of trial.told) seen.set(state, (seen.get(state) ?? 0) + 1);
    });
    fc.assert(property, { numRuns: 50_000 });

    for (const state of ['open', 'half-open', 'closed', 'forced-open', 'forced-closed'])
      expect([state, (seen.get(state) ?? 0) > 1000]).toEqual([state, true]); // else this proved little
  }, 180_000);

  it('charter D1: whatever has happened, enough successes close the circuit again', () => {
    const property = fc.property(setups, commands, (setup, steps) => {
      const trial = new Trial({ ...setup, enforcement: 'enforce', slowCallMs: undefined });
      for (const step of steps) trial.play(step);
      const { breaker, model } = trial;
      for (const name of ['people', 'controller']) trial.play({ kind: 'release', owner: name });
      model.now += 1000; // leases and open times are over
      for (let call = 0; call < 20; call++) {
        breaker.tryAcquire()?.success();
        model.now += 1000;
      }

      expect(breaker.state).toBe('closed');
      expect(breaker.tryAcquire()).toBeDefined();
    });
    fc.assert(property, { numRuns: 5000 });
  }, 60_000);
});
