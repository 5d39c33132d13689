/**
 * The packed core under every supported line of Node.js, by `import` and by `require`: each policy does its work once, and the
 * process ends by itself. `npm run test:nodes` runs the unit tests under each as well.
 *
 * @module
 */

import { readdirSync } from 'node:fs';

import { build } from 'esbuild';
import { beforeAll, describe, expect, inject, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { checks } from './every-policy.ts';
import { nodePrograms, runScript, versionOf } from './node-programs.ts';

const { application } = inject('packed');
const policies = readdirSync(inRepository('packages/core/src/policies'));
const programs = nodePrograms();
const why = 'the versions of Node.js could not be downloaded';
const scripts = { import: `${application}/every-policy.mjs`, require: `${application}/every-policy.cjs` };

/** All checks on the index, and a look at the subpath of each policy. */
const source = `
  import * as core from '@holdfast/core';
  import { failuresOf } from '${inRepository('test/runtimes/every-policy.ts')}';
  ${policies.map((slug, index) => `import * as own${index} from '@holdfast/core/${slug}';`).join('\n')}
  const subpaths = [${policies.map((_slug, index) => `own${index}`).join()}];
  const isShared = (own) => Object.keys(own).some((name) => name in core && own[name] === core[name]);
  failuresOf(core).then((failures) => {
    if (!subpaths.every(isShared)) failures.push('a subpath is another copy of the library');
    console.log(failures.length === 0 ? 'every policy works' : failures.join('\\n'));
  });`;

beforeAll(async () => {
  for (const kind of ['import', 'require'] as const) {
    await build({
      stdin: { contents: source, resolveDir: application },
      outfile: scripts[kind],
      bundle: true,
      external: ['@holdfast/core', '@holdfast/core/*'],
      platform: 'node',
      target: 'node20',
      format: kind === 'import' ? 'esm' : 'cjs', // esbuild makes require() of import
      logLevel: 'silent',
    });
  }
});

it('charter J1: every policy is among the checks', () => {
  expect(Object.keys(checks)).toEqual(expect.arrayContaining(policies));
});

describe('core on the supported versions of Node.js', () => {
  it('is tested on the oldest one, on one of each later line, and on a newer one', ({ skip }) => {
    const majors = (programs ?? skip(why)).map((program) => Number.parseInt(versionOf(program), 10));

    expect(majors).toEqual([20, 22, 24, expect.any(Number)]);
    expect(majors.at(-1)).toBeGreaterThan(24);
  });

  it.for(['import', 'require'] as const)('charter J1: does everything when it is got by %s', async (kind, { skip }) => {
    const printed: Record<string, string> = {};
    for (const program of programs ?? skip(why)) printed[versionOf(program)] = await runScript(program, scripts[kind]);

    expect(Object.entries(printed).filter(([, text]) => text !== 'every policy works')).toEqual([]);
    expect(Object.keys(printed)).toHaveLength(4);
  });
});
