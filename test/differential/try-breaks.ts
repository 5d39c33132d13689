/**
 * Breaks the engine on purpose, one way after the other, each in a copy of the core in the system's temporary folder, and
 * says which breaks the differential test notices. With a part of a name it tries those only:
 *
 * ```sh
 * node --conditions=@holdfast/source --import tsx test/differential/try-breaks.ts bulkhead
 * ```
 *
 * @module
 */

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';

import fc from 'fast-check';

import { inRepository } from '../repository.ts';
import { randomCases } from './arbitrary.ts';
import type { Break } from './break.ts';
import { compare } from './compare.ts';
import { type Core, engineSide } from './engine-side.ts';
import { kernelBreaks } from './kernel-breaks.ts';
import { policyBreaks } from './policy-breaks.ts';

const MAX_CASES = Number(process.env['DIFFERENTIAL_RUNS'] ?? 10_000);
const SEED = 20_000;

const [part = ''] = process.argv.slice(2);
const strayErrors: unknown[] = [];
process.on('unhandledRejection', (error) => strayErrors.push(error));
process.on('uncaughtException', (error) => strayErrors.push(error));

let missedCount = 0;
for (const broken of [...policyBreaks, ...kernelBreaks].filter(({ name }) => name.includes(part))) {
  const noticed = await noticedAfter(broken);
  if (typeof noticed !== 'number') missedCount++;
  process.stdout.write(`| ${broken.name} | ${typeof noticed === 'number' ? `case ${noticed}` : noticed} |\n`);
}
process.stdout.write(`${missedCount} not noticed\n`);
process.exitCode = missedCount === 0 ? 0 : 1;

// --- internal ---

/** Returns the number of the case that showed the break, or why there is none. */
async function noticedAfter(broken: Break): Promise<number | string> {
  const folder = await mkdtemp(`${tmpdir()}/holdfast-broken-`);
  try {
    await cp(inRepository('packages/core/src'), folder, { recursive: true });
    await writeFile(`${folder}/package.json`, '{ "type": "module" }');
    const source = await readFile(`${folder}/${broken.file}`, 'utf8');
    if (!source.includes(broken.find)) return 'cannot be made any more: the source has changed';
    await writeFile(
      `${folder}/${broken.file}`,
      source.replace(broken.find, () => broken.replace),
    );
    return await firstDifference((await import(pathToFileURL(`${folder}/index.ts`).href)) as Core);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function firstDifference(core: Core): Promise<number | string> {
  strayErrors.length = 0;
  const property = fc.asyncProperty(randomCases(), async (specified) => {
    const { difference } = await compare(specified, (listeners, observer) => engineSide(core, listeners, observer));
    return difference === undefined && strayErrors.length === 0;
  });
  const result = await fc.check(property, { seed: SEED, numRuns: MAX_CASES, endOnFailure: true });
  return result.failed ? result.numRuns : `not in ${result.numRuns} cases`;
}
