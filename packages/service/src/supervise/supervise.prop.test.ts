import type { Context } from '@holdfast/core';
import { seededRandom, settle, virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { supervise } from './supervise.ts';

const life = fc.record({
  /** How long each run lives before it fails. */
  lives: fc.array(fc.constantFrom(0, 1, 10, 200, 3000), { maxLength: 25 }),
  maxRestarts: fc.nat(6),
  withinMs: fc.constantFrom(50, 500, 5000),
  seed: fc.integer(),
  drainAt: fc.option(fc.nat(5000), { nil: undefined }),
});

describe('a supervisor of a body that fails at random', () => {
  it('(1), (2), (3), (4) runs one at a time, each within its backoff, and gives up when a naive count says so', async () => {
    await fc.assert(
      fc.asyncProperty(life, async ({ lives, maxRestarts, withinMs, seed, drainAt }) => {
        const clock = virtualClock();
        const starts: number[] = [];
        const ends: number[] = [];
        let running = 0;
        const body = async (context: Context): Promise<void> => {
          expect(++running).toBe(1); // (1)
          const lifeMs = lives[starts.length];
          starts.push(clock.now());
          await new Promise<void>((resolve) => {
            context.onCancel(() => resolve());
            if (lifeMs !== undefined) clock.setTimer(resolve, lifeMs);
          });
          running--;
          ends.push(clock.now());
          context.throwIfCancelled(); // drained: no crash, and nothing to report
          throw new Error('boom');
        };
        const options = {
          clock,
          maxRestarts,
          withinMs,
          random: seededRandom(seed),
          baseDelayMs: 10,
          maxDelayMs: 1000,
          healthyAfterMs: 200,
        };
        const supervisor = supervise('body', body, options);
        supervisor.start();
        await clock.advance(drainAt ?? 200_000);
        const { state } = supervisor.status();
        const isDrained = drainAt !== undefined && (await supervisor.drain()).isComplete;
        await clock.advance(200_000);
        await settle();

        let unhealthy = 0;
        const crashes = isDrained && state === 'running' ? ends.slice(0, -1) : ends;
        for (const [index, endedAt] of crashes.entries()) {
          unhealthy = endedAt - (starts[index] ?? 0) >= 200 ? 1 : unhealthy + 1;
          const inTime = crashes.slice(0, index + 1).filter((at) => at >= endedAt - withinMs).length;
          const next = starts[index + 1];
          if (inTime > maxRestarts) {
            expect(next).toBeUndefined(); // (3)
            expect(supervisor.status().state).toBe('gave-up');
          } else if (next !== undefined) {
            expect(next - endedAt).toBeLessThanOrEqual(Math.min(1000, 10 * 2 ** (unhealthy - 1))); // (2)
          } else {
            expect(drainAt).toBeDefined(); // (4): only a drain keeps it from its next run
            expect(state).toBe('waiting');
          }
        }
        expect(clock.pendingCount).toBeLessThanOrEqual(lives.length); // those of the bodies' own
      }),
      { numRuns: 150 },
    );
  });
});
