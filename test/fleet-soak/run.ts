/**
 * Runs a soak of a fleet: `node --conditions=@holdfast/source --import tsx test/fleet-soak/run.ts [--seconds N] [--seed N]`. Ten
 * minutes unless told otherwise.
 *
 * Prints the seed, what has happened and how the heaps went, and fails for what is wrong. `README.md` says more.
 *
 * @module
 */

import { commandLineOf, integerFlag, presence } from '../check/command-line.ts';
import { fleetSoak, maxGrowthBytes } from './fleet-soak.ts';
import { networkFaults, processFaults, serverFaults } from './soak-faults.ts';

const { values } = commandLineOf({
  command: 'node --conditions=@holdfast/source --import tsx test/fleet-soak/run.ts',
  purpose: 'Lets a fleet share circuits through everything that can befall it, and fails for whatever is left.',
  flags: {
    seconds: integerFlag('how long faults strike', [5, 86_400], 600),
    seed: integerFlag('seed of faults and calls; times differ all the same', [0, 4_294_967_295], undefined),
    tell: presence('says each fault when it strikes'),
  },
  examples: ['npm run test:long -- --only=fleet-soak'],
});
const { seconds, seed = Date.now() % 1_000_000_000, tell: isTelling } = values;
const startedAt = performance.now();
const tell = (line: string): void => {
  if (isTelling) console.log(`${((performance.now() - startedAt) / 1000).toFixed(1)} ${line}`);
};

console.log(`${seconds} seconds, seed ${seed}`);
const { counts, growth, complaints } = await fleetSoak({ forMs: seconds * 1000, seed, tell });
for (const [what, count] of Object.entries(counts).toSorted(([one], [other]) => one.localeCompare(other)))
  console.log(`${String(count).padStart(10)} ${what}`);
for (const { bytes, sampleCount } of growth)
  console.log(
    `heap: ${(bytes / 1024).toFixed(1)} KiB over ${sampleCount} samples, at most ${(maxGrowthBytes / 1024).toFixed(1)}`,
  );
const missing = seconds < 300 ? [] : [...serverFaults, ...networkFaults, ...processFaults].filter(isMissing);
for (const complaint of [...complaints, ...missing.map(({ name }) => `this has never happened: ${name}`)])
  console.log(`wrong: ${complaint}`);
const isWell = complaints.length === 0 && missing.length === 0;
console.log(`${isWell ? 'nothing is left' : 'failed'}; took ${Math.round((performance.now() - startedAt) / 1000)} s`);
process.exitCode = isWell ? 0 : 1;

// --- internal ---

function isMissing({ name }: { readonly name: string }): boolean {
  return counts[name] === undefined;
}
