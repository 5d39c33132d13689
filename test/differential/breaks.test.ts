import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

import { inRepository } from '../repository.ts';

const run = promisify(execFile);

it('the differential test notices every layer that is broken on purpose', { timeout: 240_000 }, async () => {
  const args = ['--conditions=@holdfast/source', '--import', 'tsx', inRepository('test/differential/try-breaks.ts')];
  const { stdout } = await run(process.execPath, args, { cwd: inRepository('.') }).catch((error: unknown) => {
    return error as { stdout: string }; // its table says which was not noticed
  });

  const rows = stdout.split('\n').filter((line) => line.startsWith('| '));
  expect(rows.filter((row) => !/\| case \d+ \|$/.test(row))).toEqual([]);
  expect(rows.length).toBeGreaterThanOrEqual(45);
});
