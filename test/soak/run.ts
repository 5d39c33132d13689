/**
 * Runs a soak: `npm run soak -- [--calls N] [--seed N]`. 5 000 000 calls unless told otherwise.
 *
 * Prints the seed, what the calls came to and how the heap went, and fails for what they left behind. `README.md` says more.
 *
 * @module
 */

import { parseArgs } from 'node:util';

import { maxGrowthBytes, soak } from './soak.ts';

const { values: options } = parseArgs({
  options: { calls: { type: 'string', default: '5000000' }, seed: { type: 'string' } },
});
const seed = Number(options.seed ?? Date.now() % 1_000_000_000);
const startedAt = Date.now();
console.log(`${options.calls} calls, seed ${seed}`);

const { report, growth, exitMs, complaints } = await soak({ calls: Number(options.calls), seed });
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
