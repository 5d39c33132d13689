/**
 * Measures what metrics cost: `npm run bench:metrics -- [--quick] [--json FILE]`. Fails where a bar is missed.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises';

import { commandLineOf, presence, textFlag } from '../../check/command-line.ts';
import { describeEnvironment } from '../report.ts';
import { measureCalls } from './call-cost.ts';
import { measureScrapes } from './scrape-cost.ts';

const { values: options } = commandLineOf({
  command: 'npm run bench:metrics --',
  purpose: 'Measures what a scrape costs beside plain gauges, and what measured calls cost beside others.',
  flags: {
    quick: presence('fewer rounds, to see that it runs'),
    json: textFlag('FILE', 'also writes the results to a file'),
  },
  examples: ['npm run bench:metrics -- --quick', 'npm run bench:metrics -- --json=metrics.json'],
});
const rounds = options.quick ? 10 : 60;

const scrapes = await measureScrapes(10_000, rounds);
say(`a scrape of ${scrapes.series} series: ${scrapes.ownMs.toFixed(1)} ms; as many plain gauges: ${scrapes.plainMs.toFixed(1)} ms; ratio ${scrapes.ratio.toFixed(2)}`); // prettier-ignore
bar('ratio of a scrape to plain gauges', scrapes.ratio, 2);

const calls = await measureCalls(rounds * 10);
say(`a call through five policies with an exporter: ${calls.withNs.toFixed(0)} ns, without: ${calls.withoutNs.toFixed(0)} ns; ratio ${calls.ratio.toFixed(3)}`); // prettier-ignore
bar('ratio of a call with an exporter to one without', calls.ratio, 1.05);

if (options.json !== undefined) {
  const results = { environment: describeEnvironment(), scrapes, calls };
  await writeFile(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
}

// --- internal ---

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function bar(what: string, value: number, max: number): void {
  if (value <= max) return;
  say(`  MISSED: ${what} is ${value.toFixed(3)}, more than ${max}`);
  process.exitCode = 1;
}
