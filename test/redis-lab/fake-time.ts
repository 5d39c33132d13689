/**
 * Fake time: the wall clock of a server, stepped while it runs. Its monotonic clock stays true, as on a machine whose time is
 * corrected.
 *
 * Debian's Redis allocates with jemalloc, which asks for the time while it sets itself up; libfaketime allocates at that moment
 * to set itself up, and the two wait for each other for ever. So the C library's own allocator is preloaded as well.
 *
 *   const time = makeFakeTime();
 *   const server = await startRedisServer({ env: time.env });
 *   time.step(-3_600_000);
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';

import { inRepository } from '../repository.ts';
import { privateFolder } from './private-folder.ts';

/** A wall clock of our own for processes that are started with {@link FakeTime.env}. */
export interface FakeTime {
  readonly env: Readonly<Record<string, string>>;
  /** How far it is from the true time. Milliseconds. */
  readonly offsetMs: number;
  /** Steps it, at once, by so much. Milliseconds, negative for back. */
  step(byMs: number): void;
  /** Sets how far it is from the true time. Milliseconds. */
  set(offsetMs: number): void;
  /** Forgets it. Its processes must have ended. */
  remove(): void;
}

/**
 * Makes a clock that shows the true time until it is stepped.
 *
 * @throws Error when libfaketime cannot be had, with what to do about it.
 */
export function makeFakeTime(): FakeTime {
  const library = findLibrary();
  const folder = privateFolder('time');
  const file = `${folder}/offset`;
  let offsetMs = 0;
  const set = (ms: number): void => {
    offsetMs = ms;
    writeFileSync(`${file}.new`, `${ms < 0 ? '-' : '+'}${(Math.abs(ms) / 1000).toFixed(3)}\n`);
    renameSync(`${file}.new`, file); // whole, whenever it is read
  };
  set(0);
  return {
    env: {
      LD_PRELOAD: `${library}:libc_malloc_debug.so.0`,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1', // its name before 0.9.8
    },
    get offsetMs() {
      return offsetMs;
    },
    step: (byMs) => set(offsetMs + byMs),
    set,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

// --- internal ---

let found: string | undefined;

function findLibrary(): string {
  if (found !== undefined) return found;
  const { status, stdout, stderr } = spawnSync('sh', [inRepository('test/setup/get-faketime.sh')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr.trim());
  found = stdout.trim();
  return found;
}
