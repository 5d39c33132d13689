/**
 * Runs a soak: `npm run soak -- [--calls N] [--seed N]`. 5 000 000 calls unless told otherwise.
 *
 * Prints the seed, what the calls came to and how the heap went, and fails for what they left behind. `README.md` says more.
 *
 * @module
 */

import { commandLineOf, integerFlag } from '../check/command-line.ts';
import { maxGrowthBytes, soak } from './soak.ts';

const { values } = commandLineOf({
  command: 'npm run soak --',
  purpose: 'Makes random calls through the full pipeline, and fails for whatever they leave behind.',
  flags: {
    calls: integerFlag('calls to make', [10_000, 1_000_000_000], 5_000_000),
    seed: integerFlag('seed of the calls, to have them again', [0, 4_294_967_295], undefined),
  },
  examples: ['npm run soak', 'npm run soak -- --calls=200000 --seed=42'],
});
const { calls, seed = Date.now() % 1_000_000_000 } = values;
const startedAt = Date.now();
console.log(`${calls} calls, seed ${seed}`);

const { report, growth, exitMs, complaints } = await soak({ calls, seed });
if (report !== undefined) {
  console.log(JSON.stringify(report.outcomes));
  console.log(JSON.stringify(report.told));
}
if (growth !== undefined) {
  const kib = (bytes: number) => (bytes / 1024).toFixed(1);
  console.log(
    `heap: ${growth.bytesPerCall.toFixed(4)} bytes per call over ${growth.sampleCount} samples,` +
      ` ${kib(growth.bytes)} KiB in all (at most ${kib(maxGrowthBytes)}); the process ended in ${exitMs} ms`,
  );
}
for (const complaint of complaints) console.log(`wrong: ${complaint}`);
console.log(
  `${complaints.length === 0 ? 'nothing is left' : 'failed'}; took ${Math.round((Date.now() - startedAt) / 1000)} s`,
);
process.exitCode = complaints.length === 0 ? 0 : 1;
