import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import type { Policy } from '../../kernel/policy.ts';
import { after } from '../../testing/operation-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { bulkhead } from '../bulkhead/bulkhead.ts';
import { retry } from '../retry/retry.ts';
import { timeout } from '../timeout/timeout.ts';
import { noop } from './noop.ts';

const calls = fc.array(
  fc.record({
    afterMs: fc.nat(30),
    takesMs: fc.nat(60),
    fails: fc.boolean(),
    deadlineMs: fc.integer({ min: 1, max: 80 }),
  }),
  { maxLength: 12 },
);

/** Plays `history` through retry, bulkhead and timeout, with `between` in all gaps, and tells what came of each call when. */
async function play(
  history: readonly (typeof calls extends fc.Arbitrary<(infer C)[]> ? C : never)[],
  between: Policy[],
) {
  const clock = virtualClock();
  const policies = [
    retry({ clock, baseDelayMs: 10, random: () => 0.5 }),
    bulkhead({ maxConcurrent: 1, maxQueued: 2 }),
    timeout({ timeoutMs: 40, clock }),
  ];
  const policy = pipeline(...between, ...policies.flatMap((each) => [each, ...between]));
  const told: unknown[] = [];
  for (const { afterMs, takesMs, fails, deadlineMs } of history) {
    await clock.advance(afterMs);
    const run = () => after(clock, takesMs, 'value').then((value) => (fails ? Promise.reject('failed') : value));
    const tell = (what: unknown): unknown => told.push([clock.now(), String(what)]);
    void policy.execute(run, Context.withClock(clock).withTimeout(deadlineMs)).then(tell, tell);
  }
  await clock.runAll();
  return { told, calls: policy.calls };
}

describe('noop, wherever it stands', () => {
  it('(1) changes neither what comes of calls nor when', async () => {
    const property = fc.asyncProperty(calls, async (history) => {
      expect(await play(history, [noop()])).toEqual(await play(history, []));
    });
    await fc.assert(property, { numRuns: 200 });
  });
});
