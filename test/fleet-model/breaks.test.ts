import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

import { inRepository } from '../repository.ts';

const run = promisify(execFile);

it(
  'the model of a fleet notices every rule that is removed, by the number of an invariant',
  { timeout: 900_000 },
  async () => {
    const args = ['--conditions=@holdfast/source', '--import', 'tsx', inRepository('test/fleet-model/try-breaks.ts')];
    const { stdout } = await run(process.execPath, args, { cwd: inRepository('.') }).catch((error: unknown) => {
      return error as { stdout: string }; // its table says which was not noticed
    });

    const rows = stdout.split('\n').filter((line) => line.startsWith('| '));
    expect(rows.filter((row) => row.includes('WRONG'))).toEqual([]);
    expect(rows.length).toBeGreaterThanOrEqual(40);
  },
);
