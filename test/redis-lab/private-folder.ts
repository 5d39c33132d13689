/**
 * Private folder: a folder of this process for files that nobody else needs. What processes have left that were killed is
 * removed by the next one that makes a folder.
 *
 * @module
 */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { processExists } from './process-exists.ts';

/** Makes an empty folder. `purpose` is part of its name. */
export function privateFolder(purpose: string): string {
  if (!hasSwept) sweep();
  hasSwept = true;
  return mkdtempSync(`${tmpdir()}/holdfast-lab-${process.pid}-${purpose}-`);
}

// --- internal ---

let hasSwept = false;

function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = /^holdfast-lab-(\d+)-/.exec(name)?.[1];
    if (owner === undefined || processExists(Number(owner))) continue;
    rmSync(`${tmpdir()}/${name}`, { recursive: true, force: true });
  }
}
