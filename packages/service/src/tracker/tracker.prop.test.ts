import { Context } from '@holdfast/core';
import { type VirtualClock, settle, virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Tracker } from './background-work.ts';
import { createTracker } from './tracker.ts';

/** What happens to a tracker: a job begins that takes so long, and perhaps fails; time passes; or it is drained. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('go' as const), ms: fc.integer({ min: 0, max: 50 }), fails: fc.boolean() }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 30 }), fails: fc.constant(false) }),
  fc.record({ kind: fc.constant('drain' as const), ms: fc.integer({ min: 0, max: 60 }), fails: fc.constant(false) }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const maxRunning = 8;

/** Counts by hand what a tracker should: when each job ends, and when the drain does. */
class Model {
  accepted = 0;
  refused = 0;
  drainEndsAt = Infinity;
  drainedAt = Infinity;
  private readonly endings: number[] = [];

  runningAt(now: number): number {
    return this.endings.filter((endsAt) => endsAt > now).length;
  }

  /** Returns whether a job would be accepted, and counts it. */
  go(now: number, takesMs: number): boolean {
    if (this.drainEndsAt < Infinity || this.runningAt(now) >= maxRunning) {
      this.refused++;
      return false;
    }
    this.accepted++;
    this.endings.push(now + takesMs);
    return true;
  }

  drain(now: number, ms: number): void {
    if (this.drainedAt === Infinity) this.drainEndsAt = Math.min(this.drainEndsAt, now + ms);
  }

  stateAt(now: number): 'open' | 'draining' | 'drained' {
    if (this.drainEndsAt === Infinity) return 'open';
    if (this.drainedAt === Infinity && (now >= this.drainEndsAt || this.runningAt(now) === 0)) this.drainedAt = now;
    return this.drainedAt === Infinity ? 'draining' : 'drained';
  }
}

async function take({ kind, ms, fails }: Step, clock: VirtualClock, tracker: Tracker, model: Model): Promise<void> {
  if (kind === 'pass') await clock.advance(ms);
  if (kind === 'drain') {
    model.drain(clock.now(), ms);
    void tracker.drain(Context.withClock(clock).withTimeout(ms));
  }
  if (kind === 'go') {
    const attempt = (): void =>
      tracker.go('job', async () => {
        if (ms > 0) await new Promise<void>((resolve) => void clock.setTimer(resolve, ms));
        if (fails) throw new Error('boom');
      });
    if (model.go(clock.now(), ms)) attempt();
    else expect(attempt).toThrow('was not run');
  }
  await settle();
}

describe('a tracker under random use', () => {
  it('(1) loses nothing: started = succeeded + failed + abandoned + running, as a naive model counts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const clock = virtualClock();
        const tracker = createTracker({ clock, graceMs: 0, maxRunning, onFailure: () => {} });
        const model = new Model();
        for (const each of steps) {
          await take(each, clock, tracker, model);
          const status = tracker.status();
          expect(status).toMatchObject({ started: model.accepted, refused: model.refused });
          expect(status.succeeded + status.failed + status.abandoned + status.running).toBe(model.accepted);
          expect(status.state).toBe(model.stateAt(clock.now()));
          expect(status.running).toBe(status.state === 'drained' ? 0 : model.runningAt(clock.now()));
        }
        await clock.advance(200);

        const { running, late, abandoned } = tracker.status();
        expect({ running, late }).toEqual({ running: 0, late: abandoned });
        expect(clock.pendingCount).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
