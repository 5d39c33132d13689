import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Clock } from '../../kernel/clock.ts';
import { CancelledError } from '../../kernel/cancellation.ts';
import { type CancellableContext, Context } from '../../kernel/context.ts';
import { RejectionError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { never, observe } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type CircuitBreaker, circuitBreaker } from './circuit-breaker.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

/** Every way in which a call can end, or not. */
const kinds = [
  'success',
  'failure',
  'sync throw',
  'inner rejection',
  'ignored error',
  'caller abort',
  'deadline',
  'classify throws',
  'never settles',
] as const;
type Kind = (typeof kinds)[number];

const counts: Readonly<Record<Kind, 'success' | 'failure' | 'ignored' | undefined>> = {
  success: 'success',
  failure: 'failure',
  'sync throw': 'failure',
  'inner rejection': 'ignored',
  'ignored error': 'ignored',
  'caller abort': 'ignored',
  deadline: 'failure',
  'classify throws': 'failure',
  'never settles': undefined,
};

const openForMs = 100;
const probeLeaseMs = 50;

/** A breaker and what its calls did. */
class Trial {
  readonly clock: VirtualClock = virtualClock();
  readonly breaker: CircuitBreaker;
  readonly errors = new Map<unknown, unknown>();
  readonly calls: ReturnType<typeof observe>[] = [];
  runs = 0;

  constructor(maxProbes: number, probeSuccessRatio = 1) {
    this.breaker = circuitBreaker({
      clock: this.clock,
      minimumCalls: 2,
      openForMs,
      probeLeaseMs,
      maxProbes,
      probeSuccessRatio,
      classify: (outcome) => {
        if (outcome.status === 'fulfilled') return 'success';
        const { error } = outcome;
        if (error === 'classify throws') throw new Error('bad hook');
        return error === 'ignored error' || error === 'caller abort' || error instanceof Refused
          ? 'ignored'
          : 'failure';
      },
    });
  }

  /** Starts a call of that kind; it comes to its end within 1 ms, if it ever does. */
  start(kind: Kind): ReturnType<typeof observe> {
    const context = Context.withClock(this.clock).withTimeout(kind === 'deadline' ? 1 : Infinity);
    const call = observe(this.breaker.execute(() => this.#run(kind, context), context));
    this.calls.push(call);
    return call;
  }

  #run(kind: Kind, context: CancellableContext): unknown {
    this.runs++;
    switch (kind) {
      case 'success':
        return Promise.resolve('value');
      case 'sync throw':
        throw new Error(kind);
      case 'inner rejection':
        return Promise.reject(new Refused('no'));
      case 'caller abort':
        this.clock.setTimer(() => context.cancel(kind), 1);
        return never();
      case 'deadline':
      case 'never settles':
        return never();
      case 'failure':
      case 'ignored error':
      case 'classify throws':
        return Promise.reject(kind);
    }
  }

  async open(): Promise<void> {
    for (let call = 0; call < 2; call++) this.start('failure');
    await this.clock.advance(openForMs);
    if (this.breaker.state !== 'half-open') throw new Error(`not half-open but ${this.breaker.state}`);
    this.runs = 0;
  }
}

describe('circuit breaker, whatever its calls come to', () => {
  it('circuit breaker (1) runs nothing while it is open', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom(...kinds), { maxLength: 10, size: 'max' }),
      async (plan) => {
        const trial = new Trial(1);
        for (let call = 0; call < 2; call++) trial.start('failure');
        await settle();
        trial.runs = 0;

        for (const kind of plan) trial.start(kind);
        await trial.clock.advance(openForMs - 1);

        expect(trial.runs).toBe(0);
        expect(trial.breaker.snapshot().rejections.open).toBe(plan.length);
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  it('circuit breaker (2), (3): settles every admitted call once, under its verdict', async () => {
    const before = onHookError(() => {});
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom(...kinds), { maxLength: 30, size: 'max' }),
      async (plan) => {
        const trial = new Trial(5);
        const expected = { success: 0, failure: 0, ignored: 0 };
        for (const kind of plan) {
          const runs = trial.runs;
          trial.start(kind);
          const verdict = counts[kind];
          if (trial.runs > runs && verdict !== undefined) expected[verdict]++;
          await trial.clock.advance(20);
        }
        expect(trial.breaker.snapshot().verdicts).toEqual(expected);
        const hung = trial.calls.filter((call) => call().status === 'pending');
        expect(hung.length).toBeLessThanOrEqual(plan.filter((kind) => kind === 'never settles').length);
      },
    );
    await fc.assert(property, { numRuns: 300 });
    onHookError(before);
  });

  it('circuit breaker (4) sets no timer', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom<Kind>('success', 'failure', 'never settles'), { maxLength: 30, size: 'max' }),
      async (plan) => {
        const trial = new Trial(2);
        for (const kind of plan) {
          trial.start(kind);
          await settle();
          expect(trial.clock.pendingCount).toBe(0);
          await trial.clock.advance(30);
        }
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  it('circuit breaker (5) gives the error of the operation back by identity', async () => {
    const thrown = fc.oneof(
      fc.anything(),
      fc.string().map((message) => new Error(message)),
      fc.constant(new CancelledError()),
    );
    const property = fc.asyncProperty(thrown, fc.boolean(), async (error, isSync) => {
      const call = observe(
        circuitBreaker({ clock: virtualClock() }).execute(() => {
          if (isSync) throw error;
          return Promise.reject(error);
        }),
      );
      await settle();

      const standing = call();
      expect(standing.status === 'rejected' && Object.is(standing.error, error)).toBe(true);
    });
    await fc.assert(property, { numRuns: 200 });
  });
});

describe('breaker', () => {
  it('breaker (1) looks at the clock for no call of a closed circuit with a window of counts', async () => {
    let reads = 0;
    const clock: Clock = {
      setTimer: (callback, delayMs) => virtualClock().setTimer(callback, delayMs),
      now: () => reads++,
    };
    const breaker = circuitBreaker({ clock });
    const property = fc.asyncProperty(fc.boolean(), async (fails) => {
      await Promise.allSettled([breaker.execute(() => (fails ? Promise.reject(new CancelledError()) : 'value'))]);
      expect(reads).toBe(0);
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('breaker (2) counts a verdict once per admitted call, in the generation that admitted it', async () => {
    const property = fc.asyncProperty(fc.integer({ min: 2, max: 20 }), fc.nat(19), async (count, resetAfter) => {
      const breaker = circuitBreaker({ clock: virtualClock(), failureRatio: 1 });
      const ends: (() => void)[] = [];
      for (let call = 0; call < count; call++) {
        void observe(breaker.execute(() => new Promise((resolve) => ends.push(() => resolve(call)))));
      }
      for (const [index, end] of ends.entries()) {
        if (index === resetAfter) breaker.reset();
        end();
        await settle();
      }
      const snapshot = breaker.snapshot();
      expect(snapshot.verdicts.success).toBe(count);
      expect(snapshot.calls).toBe(resetAfter < count ? 0 : count);
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('breaker (3) tells a listener after the state has changed', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom('success', 'failure'), { maxLength: 40, size: 'max' }),
      async (plan) => {
        const clock = virtualClock();
        const events = createEvents();
        const breaker = circuitBreaker({ clock, events, minimumCalls: 2, openForMs: 10, maxProbes: 2 });
        const seen: boolean[] = [];
        events.listen((event) => {
          const { type, to } = event as typeof event & { to?: string };
          if (type === 'circuit-breaker.transitioned') seen.push(breaker.state === to);
        });
        for (const kind of plan) {
          void observe(breaker.execute(() => (kind === 'success' ? 1 : Promise.reject(new Error(kind)))));
          await clock.advance(4);
        }
        expect(seen).toEqual(seen.map(() => true));
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });
});

describe('charter D1: half-open never gets stuck', () => {
  const matrix = kinds.flatMap((kind) => [1, 2, 3, 4, 5].map((maxProbes) => [kind, maxProbes] as const));

  it.each(matrix)('when every probe comes to: %s, with %d probes', async (kind, maxProbes) => {
    const before = onHookError(() => {});
    const trial = new Trial(maxProbes);
    await trial.open();

    for (let call = 0; call < maxProbes + 3; call++) trial.start(kind);
    expect(trial.runs).toBeLessThanOrEqual(kind === 'sync throw' ? 1 : maxProbes);
    expect(trial.runs).toBeGreaterThan(0);

    await trial.clock.advance(Math.max(openForMs, probeLeaseMs) + 1);
    for (let call = 0; call < maxProbes; call++) trial.start('success');
    await settle();
    onHookError(before);
    expect(trial.breaker.state).toBe('closed');
  });

  it('when probes come to anything, in any mixture', async () => {
    const before = onHookError(() => {});
    const rounds = fc.array(fc.array(fc.constantFrom(...kinds), { maxLength: 8, size: 'max' }), {
      maxLength: 6,
      size: 'max',
    });
    const property = fc.asyncProperty(rounds, fc.integer({ min: 1, max: 5 }), async (plan, maxProbes) => {
      const trial = new Trial(maxProbes, 0.5);
      await trial.open();
      for (const round of plan) {
        for (const kind of round) trial.start(kind);
        await trial.clock.advance(20);
      }
      // Twice, since the first success may complete a window in which enough had failed.
      for (let round = 0; round < 2; round++) {
        await trial.clock.advance(openForMs + probeLeaseMs);
        for (let call = 0; call < maxProbes; call++) trial.start('success');
        await settle();
      }
      expect(trial.breaker.state).toBe('closed');
    });
    await fc.assert(property, { numRuns: 300 });
    onHookError(before);
  });
});
