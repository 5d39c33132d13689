/**
 * Deadlines come after the garbage collector has run, under every supported line of Node.js.
 *
 * @module
 */

import { build } from 'esbuild';
import { beforeAll, describe, expect, inject, it } from 'vitest';

import { inRepository } from '../repository.ts';
import { nodePrograms, runScript, versionOf } from './node-programs.ts';

const { application } = inject('packed');
const programs = nodePrograms();
const why = 'the versions of Node.js could not be downloaded';
const script = `${application}/deadline-after-gc.mjs`;

beforeAll(async () => {
  await build({
    entryPoints: [inRepository('test/runtimes/deadline-after-gc.ts')],
    outfile: script,
    bundle: true,
    external: ['@holdfast/core'],
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'silent',
  });
});

describe('deadlines after GC', () => {
  it('charter A4: come 200 of 200 times, whoever listens, polls or asks, on each line of Node.js', async ({ skip }) => {
    const printed: Record<string, unknown> = {};
    for (const program of programs ?? skip(why))
      printed[versionOf(program)] = JSON.parse(await runScript(program, script, 60_000, ['--expose-gc'])) as unknown;

    const all = { of: 200, listenerOnly: 200, signalListener: 200, derived: 200, polled: 200, asked: 200 };
    expect(Object.values(printed)).toEqual(Object.keys(printed).map(() => all));
    expect(Object.keys(printed)).toHaveLength(4);
  });
});
