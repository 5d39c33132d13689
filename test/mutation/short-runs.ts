/**
 * Short runs: fast-check, with at most {@link maxRuns} runs for each property, whatever its test asks for, and one seed,
 * so that a mutant is judged the same way every time. Takes the place of `fast-check` under mutation only.
 *
 * @module
 */

import fc from 'fast-check';
import { TestRunner } from 'vitest';

/** Runs of one property. `HOLDFAST_PROPERTY_RUNS` sets another number. */
const maxRuns = Number(process.env['HOLDFAST_PROPERTY_RUNS'] ?? 100);

/** What fast-check does when it is told nothing. */
const defaultRuns = 100;
const seed = 20_250_601;

type Assert = typeof fc.assert;

const assert = ((property: Parameters<Assert>[0], parameters: fc.Parameters<unknown> = {}) => {
  const asked = parameters.numRuns ?? defaultRuns;
  const short = { ...parameters, seed, endOnFailure: true, numRuns: Math.min(asked, maxRuns) };
  const done: unknown = fc.assert(property, short as Parameters<Assert>[1]);
  if (asked <= maxRuns) return done;
  return done instanceof Promise ? done.then(endTest) : endTest();
}) as Assert;

/** Ends the test that runs: what follows counts what a property has seen, which is too little after a short run. */
function endTest(): void {
  TestRunner.getCurrentTest()?.context.skip('the runs were short');
}

export * from 'fast-check';
export { assert };
// oxlint-disable-next-line import/no-default-export -- fast-check has one
export default { ...fc, assert };
