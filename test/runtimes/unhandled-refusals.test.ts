/**
 * Refusals that nobody handles: they are made without the platform's constructor of errors, and Node.js must take them for
 * errors all the same, under every supported line of it.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

import { beforeAll, describe, expect, inject, it } from 'vitest';

import { nodePrograms } from './node-programs.ts';

const { application } = inject('packed');
const programs = nodePrograms();
const why = 'the versions of Node.js could not be downloaded';
const script = `${application}/unhandled-refusals.mjs`;

/** Refuses a call, and leaves it to nobody, to listeners of the process, or to the thread that started this one. */
const source = `
  import { Worker } from 'node:worker_threads';
  import { bulkhead } from '@holdfast/core';

  const full = bulkhead({ name: 'prices', maxConcurrent: 1 });
  void full.execute(() => new Promise(() => {}));
  const refuse = () => full.execute(() => 1);
  const told = [];
  const tell = (...words) => { if (told.push(words.join(' ')) === 2) console.log(told.join('; ')); };
  const [, , where] = process.argv;
  if (where === 'listeners') {
    const call = refuse();
    const refusal = await call.catch((error) => error);
    process.once('uncaughtException', (error, origin) => tell(error === refusal, origin));
    void Promise.reject(refusal);
    await new Promise(setImmediate);
    process.once('unhandledRejection', (error) => tell(error instanceof Error, error.message));
    void refuse();
  } else if (where === 'threads') {
    const worker = new Worker(new URL(import.meta.url), { argv: ['nobody'] });
    worker.once('error', (error) => tell(error instanceof Error, error.message, error.code, error.policy));
    worker.once('exit', (code) => tell('exit', code));
  } else await refuse();
`;

beforeAll(() => writeFileSync(script, source));

describe('a refusal that nobody handles', () => {
  it('ends the process, which prints it as any error', ({ skip }) => {
    for (const program of programs ?? skip(why)) {
      const { status, stderr } = run(program, 'nobody');

      expect(stderr).toMatch(/\[BulkheadFullError( \[Error\])?: prices is full: 1 running, 0 waiting\] \{/);
      expect(stderr).toContain("code: 'BULKHEAD_FULL'");
      expect(stderr).not.toContain('UNHANDLED_REJECTION'); // what Node.js makes of a reason that is no error
      expect(status).toBe(1);
    }
  });

  it('comes to the listeners of the process as the very error', ({ skip }) => {
    for (const program of programs ?? skip(why)) {
      expect(run(program, 'listeners')).toEqual({
        status: 0,
        stdout: 'true unhandledRejection; true prices is full: 1 running, 0 waiting\n',
        stderr: '',
      });
    }
  });

  it('comes from a thread as an error that still tells what it is', ({ skip }) => {
    for (const program of programs ?? skip(why)) {
      expect(run(program, 'threads')).toEqual({
        status: 0,
        stdout: 'true prices is full: 1 running, 0 waiting BULKHEAD_FULL prices; exit 1\n',
        stderr: '',
      });
    }
  });
});

function run(program: string, where: string): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(program, [script, where], { encoding: 'utf8', timeout: 60_000 });
  return { status, stdout, stderr };
}
