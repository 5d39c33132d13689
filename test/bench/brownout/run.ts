/**
 * Measures what brownout does for a service that gets three times what it can do:
 * `npm run bench:brownout -- [--quick] [--json FILE]`.
 *
 * The table goes to stdout, progress to stderr. `docs/benchmarks/README.md` says what is measured and how to read it.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises';

import { commandLineOf, presence, textFlag } from '../../check/command-line.ts';
import { describeEnvironment } from '../report.ts';
import { toText } from './brownout-report.ts';
import { type OverloadPlan, measureOverload } from './overload.ts';

const { values: options } = commandLineOf({
  command: 'npm run bench:brownout --',
  purpose:
    'Sends a real HTTP service three times what it can do, with brownout and without, and prints what was answered.',
  flags: {
    quick: presence('one short round, to see that it runs'),
    json: textFlag('FILE', 'also writes the results to a file'),
  },
  examples: ['npm run bench:brownout -- --quick', 'npm run bench:brownout -- --json=brownout.json'],
});

const full: OverloadPlan = { rounds: 3, seconds: 20, capacitySeconds: 4, restoreSeconds: 60 };
const quick: OverloadPlan = { rounds: 1, seconds: 10, capacitySeconds: 1.5, restoreSeconds: 0 };

const environment = describeEnvironment();
const found = await measureOverload(options.quick ? quick : full, (text) => process.stderr.write(`${text}\n`));
process.stdout.write(toText(found));
if (options.json !== undefined)
  await writeFile(options.json, `${JSON.stringify({ environment, ...found }, undefined, 2)}\n`);
