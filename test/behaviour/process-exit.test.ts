import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

import { repository } from '../repository.ts';

const run = promisify(execFile);
/** What the process under test waits for, if it does not end at once. Milliseconds. */
const LONGEST_MS = 40_000;

/** Runs a module in a process of its own; rejects if that has not ended by itself before its longest timer. */
async function runModule(source: string): Promise<string> {
  const flags = ['--conditions=@holdfast/source', '--import', 'tsx', '--input-type=module', '--eval', source];
  const { stdout } = await run(process.execPath, flags, { cwd: `${repository}/test`, timeout: LONGEST_MS });
  return stdout.trim();
}

describe('a process that has done its work', () => {
  it('charter B1: ends at once, with an open circuit, policies at rest, and long timeouts', async () => {
    const printed = await runModule(`
      import { bulkhead, circuitBreaker, fallback, pipeline, retry, timeout } from '@holdfast/core';
      const breaker = circuitBreaker({ minimumCalls: 1, openForMs: ${LONGEST_MS} });
      const policy = pipeline(fallback({ value: 'stale' }), retry(), breaker, bulkhead(), timeout(${LONGEST_MS}));
      const answers = [];
      for (const fails of [false, true, true]) {
        answers.push(await policy.execute(async () => { if (fails) throw new Error('boom'); return 'fresh'; }));
      }
      const endedAt = performance.now();
      process.on('exit', () => {
        const tookMs = performance.now() - endedAt;
        console.log(JSON.stringify({ answers, state: breaker.state, isPrompt: tookMs < ${LONGEST_MS / 2} }));
      });
    `);

    expect(JSON.parse(printed)).toEqual({ answers: ['fresh', 'stale', 'stale'], state: 'open', isPrompt: true });
  });

  it('charter B1: waits for a retry that is due', async () => {
    const printed = await runModule(`
      import { retry } from '@holdfast/core';
      let tries = 0;
      void retry({ baseDelayMs: 20 }).execute(() => { if (++tries < 2) throw new Error('boom'); }).then(() => console.log(tries));
    `);

    expect(printed).toBe('2');
  });
});
