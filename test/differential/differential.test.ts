import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { randomCases } from './arbitrary.ts';
import { compare } from './compare.ts';
import { coreUnderTest } from './core-under-test.ts';
import { Coverage } from './coverage.ts';
import { engineSide } from './engine-side.ts';

const BATCH_COUNT = 10;
const caseCount = Number(process.env['DIFFERENTIAL_RUNS'] ?? 20_000);
const seed = Number(process.env['DIFFERENTIAL_SEED'] ?? Math.trunc(Math.random() * 2 ** 31));
const path = process.env['DIFFERENTIAL_PATH'];
const cases = randomCases();
const core = await coreUnderTest();
const coverage = new Coverage();

describe('the fused engine and a promise per layer', () => {
  afterAll(() => {
    core.onHookError(undefined);
  });

  it.each(Array.from({ length: BATCH_COUNT }, (_, batch) => ({ batch: batch + 1, seed: seed + batch })))(
    `agree on values, errors, instants, events and statistics, batch $batch of ${BATCH_COUNT}, seed $seed`,
    async (batch) => {
      const property = fc.asyncProperty(cases, async (specified) => {
        const comparison = await compare(specified, (listeners, observer) => engineSide(core, listeners, observer));
        if (comparison.difference !== undefined) throw new Error(comparison.difference);
        coverage.add(comparison);
      });

      await fc.assert(property, {
        seed: batch.seed,
        numRuns: Math.ceil(caseCount / BATCH_COUNT),
        ...(path !== undefined && batch.batch === 1 && { path }),
      });
    },
    300_000,
  );

  it.skipIf(path !== undefined)('have been compared on everything that the test is about', () => {
    const rare = [...coverage.perTenThousand].filter(([, count]) => count < 100);

    expect(coverage.caseCount).toBeGreaterThanOrEqual(caseCount);
    expect(rare).toEqual([]);
  });
});
