/**
 * A process is killed again and again, and its next start knows.
 *
 * @module
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
import { spawnTied } from '../redis-lab/tied-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-journal-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts the program, ends it by a signal as soon as it runs, and returns what its journal said. */
async function runOnce(signal: NodeJS.Signals): Promise<string> {
  const program = fileURLToPath(new URL('journal-program.ts', import.meta.url));
  const flags = ['--conditions=@holdfast/source', '--import', 'tsx', program, join(folder, 'starts.json')];
  const child = spawnTied(process.execPath, flags);
  const verdict = await eventually(() => /^verdict (.*)$/m.exec(child.output())?.[1], {
    what: 'the verdict',
    limitMs: 30_000,
  });
  child.signal(signal);
  await child.ended;
  return verdict;
}

describe('a crash journal', () => {
  it('knows of ends by SIGKILL, and not of those by SIGTERM', async () => {
    const verdicts: string[] = [];
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGTERM'] as const)
      verdicts.push(await runOnce(signal));

    expect(verdicts).toEqual(['normal', 'normal', 'normal', 'normal', 'normal', 'safe-mode']);
  });
});
