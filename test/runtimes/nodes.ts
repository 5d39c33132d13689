/**
 * Runs the unit tests of core and of context under every supported line of Node.js, and prints a table.
 *
 *   node --import tsx test/runtimes/nodes.ts    (npm run test:nodes)
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { commandLineOf } from '../check/command-line.ts';
import { countTests } from '../check/vitest-result.ts';
import { inRepository, repository } from '../repository.ts';
import { nodePrograms, versionOf } from './node-programs.ts';

const limitMs = 300_000;

commandLineOf({
  command: 'npm run test:nodes --',
  purpose:
    'Runs the unit tests of core and of context under every supported line of Node.js, and prints a table. Downloads what is missing.',
  flags: {},
  examples: ['npm run test:nodes'],
});

const programs = nodePrograms();
if (programs === undefined) process.exitCode = 1;
else {
  console.log('Node.js    passed  failed  skipped  seconds');
  for (const program of programs) runUnitTests(program);
}

// --- internal ---

function runUnitTests(program: string): void {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-nodes-`);
  const report = `${folder}/tests.json`;
  const startedAt = Date.now();
  const vitest = inRepository('node_modules/vitest/vitest.mjs');
  const what = ['run', '--config', 'test/vitest.config.ts', '--project', 'unit:core', '--project', 'unit:context'];
  const ended = spawnSync(
    program,
    [vitest, ...what, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    {
      cwd: repository,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
      timeout: limitMs,
    },
  );

  const { passed, failed, skipped, complaints } = countTests(report, ended.status === 0);
  rmSync(folder, { recursive: true, force: true });
  const seconds = Math.round((Date.now() - startedAt) / 1000);
  const cells = [String(passed).padStart(6), String(failed).padStart(6), String(skipped.length).padStart(7)];
  console.log(`${versionOf(program).padEnd(9)}  ${cells.join('  ')}  ${String(seconds).padStart(7)}`);
  if (failed === 0) return;
  process.exitCode = 1;
  console.error([...complaints, ...(ended.stdout + ended.stderr).trimEnd().split('\n').slice(-60)].join('\n'));
}
