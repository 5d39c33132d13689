/**
 * PostgreSQL programs: which server the tests run on.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';

import { inRepository } from '../repository.ts';

/**
 * Returns the folder of the server programs `initdb` and `postgres`; gets them where they are missing.
 *
 * @throws Error when there are none and none can be had, with what to do about it.
 */
export function postgresFolder(): string {
  if (found !== undefined) return found;
  const { status, stdout, stderr } = spawnSync('sh', [inRepository('test/setup/get-postgres.sh')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`these tests need PostgreSQL:\n${stderr}`);
  found = stdout.trim();
  return found;
}

// --- internal ---

let found: string | undefined;
