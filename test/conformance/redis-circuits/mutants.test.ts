/**
 * Mutants: whichever rule is removed from the ledger in memory, the comparison with the scripts notices.
 *
 * @module
 */

import { isDeepStrictEqual } from 'node:util';

import { memoryLedger } from '@holdfast/core/fleet';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startRedisServer } from '../../redis-lab/redis-server.ts';
import { anyDeed } from './deeds.ts';
import { mutatedLedger } from './mutated-ledger.ts';
import { proposalBreaks } from './proposal-breaks.ts';
import { shardBreaks } from './shard-breaks.ts';
import { timedLedger } from './timed-ledger.ts';
import { type Done, type MakeLedger, firstDifference, playScripts } from './two-ledgers.ts';

/** What the scripts have said, once for all mutants; always the same. */
const journals: Done[][] = [];

beforeAll(async () => {
  const server = await startRedisServer();
  const deeds = fc.array(anyDeed, { minLength: 250, maxLength: 250, size: 'max' });
  for (const [index, sample] of fc.sample(deeds, { numRuns: 120, seed: 4 }).entries()) {
    const scripts = timedLedger(server.admin, `mutant${index}`);
    journals.push(await playScripts(scripts, sample));
    await scripts.flushAll();
  }
  await server.stop();
}, 120_000);

/** When each was noticed: shown where `CIRCUIT_TABLE` is set. */
const table: string[] = [];
afterAll(() => {
  if (process.env['CIRCUIT_TABLE'] !== undefined) console.log(table.join('\n'));
});

/** Number of the operation at which a ledger differs; undefined where it does not. */
function noticedAfter(make: MakeLedger): number | undefined {
  let before = 0;
  for (const journal of journals) {
    const difference = firstDifference(journal, make, isDeepStrictEqual);
    if (difference !== undefined) return before + difference.index;
    before += journal.length;
  }
  return undefined;
}

describe('the comparison of scripts and memory', () => {
  it('finds nothing to say about the ledger as it is', () => {
    expect(noticedAfter(memoryLedger)).toBeUndefined();
  });

  it.for([...proposalBreaks, ...shardBreaks].map((mutant) => [mutant.name, mutant] as const))(
    'notices without: %s',
    async ([name, mutant]) => {
      const after = noticedAfter(await mutatedLedger(mutant));
      table.push(`| ${name} | operation ${String(after)} |`);

      expect(after).toBeDefined();
    },
  );
});
