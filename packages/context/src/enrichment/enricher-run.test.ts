import { Context } from '@holdfast/core';
import { settle, type VirtualClock, virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { waitForRun } from './enricher-run.ts';

/** What a run comes to, that answers as `kind` says after `answerMs`. */
interface Case {
  readonly kind: 'value' | 'throws' | 'rejects' | 'hangs' | 'sync';
  readonly answerMs: number;
  readonly maxWaitMs: number;
  readonly contextMs: number;
}

const times = fc.integer({ min: 0, max: 30 });
const cases = fc.record<Case>({
  kind: fc.constantFrom('value', 'throws', 'rejects', 'hangs', 'sync'),
  answerMs: times,
  maxWaitMs: times,
  contextMs: times,
});

function enricherOf({ kind, answerMs }: Case, clock: VirtualClock): () => unknown {
  if (kind === 'sync') return () => 'value';
  if (kind === 'throws') return () => expect.fail('boom');
  if (kind === 'hangs') return () => new Promise(() => {});
  return () =>
    new Promise((resolve, reject) => {
      clock.setTimer(() => (kind === 'value' ? resolve('value') : reject(new Error('boom'))), answerMs);
    });
}

async function runCase(given: Case) {
  const clock = virtualClock();
  const told = { endCount: 0, lateCount: 0, failureCount: 0 };
  const enrich = enricherOf(given, clock);
  let own: Context | undefined;
  const run = waitForRun(
    (context) => ((own = context), enrich()),
    Context.withClock(clock).withTimeout(given.contextMs),
    {
      clock,
      maxWaitMs: given.maxWaitMs,
      onEnd: () => told.endCount++,
      onLate: () => told.lateCount++,
      onFailure: () => told.failureCount++,
    },
  );
  await clock.advance(100);
  await settle();
  return { ...told, value: await run, isOver: own?.cancelled === true && clock.pendingCount === 0 };
}

describe('an enricher run', { timeout: 60_000 }, () => {
  it('(1), (2): always resolves, and is over once, whatever it does and whenever its context ends', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        const { kind, answerMs } = given;
        const { value, endCount, lateCount, failureCount, isOver } = await runCase(given);
        const patienceMs = Math.min(given.maxWaitMs, given.contextMs);
        const answers = ['value', 'rejects'].includes(kind);
        const hasValue = kind === 'sync' || (kind === 'value' && lateCount === 0);

        expect(value).toBe(hasValue ? 'value' : undefined);
        expect(failureCount).toBe(lateCount === 0 ? Number(['throws', 'rejects'].includes(kind)) : 0);
        expect([endCount, isOver]).toEqual([Number(kind !== 'hangs'), true]);
        if (answers && answerMs !== patienceMs) expect(lateCount).toBe(Number(answerMs > patienceMs));
      }),
    );
  });
});
