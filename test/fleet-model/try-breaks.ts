/**
 * Removes the rules of the protocol, one at a time, and says which invariant notices it, and in the world of which seed.
 *
 * The check plays these worlds again (`breaks.test.ts`). With `--write` their seeds are kept in `break-seeds.json`: do that
 * when the model or the protocol has changed so that others are needed, or a rule was added.
 *
 * @module
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { commandLineOf, integerFlag, presence, textFlag } from '../check/command-line.ts';
import { type Noticed, noticedIn } from './break-run.ts';
import { startModelServer } from './model-server.ts';
import { nodeBreaks } from './node-breaks.ts';
import { type Break, scriptBreaks } from './script-breaks.ts';

const { values } = commandLineOf({
  command: 'node --conditions=@holdfast/source --import tsx test/fleet-model/try-breaks.ts',
  purpose: 'Removes the rules of the protocol, one at a time, and says which invariant notices it.',
  flags: {
    only: textFlag('TEXT', 'rules that have TEXT in their names; all without it'),
    steps: integerFlag('steps to look for a world that notices', [1, 1_000_000_000], 4_000_000),
    seed: integerFlag('seed of the first world', [0, 4_294_967_295], 500_000_000),
    write: presence('keeps the seeds for the check'),
  },
  examples: ['node --conditions=@holdfast/source --import tsx test/fleet-model/try-breaks.ts --only lease'],
});
const { only = '', steps, seed, write } = values;

/** Steps for rules that nothing is expected to notice. */
const COVERED_STEPS = 40_000;
const file = fileURLToPath(new URL('break-seeds.json', import.meta.url));
const breaks: readonly Break[] = [...scriptBreaks, ...nodeBreaks];
const found = new Map<string, number>();

await using server = await startModelServer();
let wrongCount = 0;
for (const broken of breaks.filter(({ rule }) => rule.includes(only))) {
  const isCovered = broken.noticedBy.length === 0;
  const limit = isCovered ? COVERED_STEPS : steps;
  const noticed = await noticedIn(server, broken, { seed, steps: limit, width: 4 });
  const isRight = noticed === undefined ? isCovered : broken.noticedBy.includes(noticed.by);
  if (!isRight) wrongCount++;
  else if (noticed !== undefined) found.set(broken.rule, noticed.seed);
  console.log(`| ${broken.rule} | ${toldOf(noticed, limit)} | ${isRight ? (broken.because ?? '') : 'WRONG'} |`);
}
console.log(`${wrongCount} not noticed as they should be`);
if (write) keep();
process.exitCode = wrongCount === 0 ? 0 : 1;

// --- internal ---

function toldOf(noticed: Noticed | undefined, limit: number): string {
  if (noticed === undefined) return `not in ${limit} steps`;
  return `${noticed.by} after ${noticed.total} steps, seed ${noticed.seed}, step ${noticed.step}`;
}

/** Keeps the seeds that were found, and those of rules that were not tried, in the order of the tables. */
function keep(): void {
  const before = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, number>>;
  const seeds = breaks.flatMap(({ rule }) => {
    const each = found.get(rule) ?? before[rule];
    return each === undefined ? [] : [[rule, each] as const];
  });
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(seeds), undefined, 2)}\n`);
}
