/**
 * Removes the rules of the protocol, one at a time, and says which invariants notice it, and after how many steps. With a part
 * of a name it tries those only:
 *
 * ```sh
 * node --conditions=@holdfast/source --import tsx test/fleet-model/try-breaks.ts lease
 * ```
 *
 * @module
 */

import { startModelServer } from './model-server.ts';
import { nodeBreaks } from './node-breaks.ts';
import { playWorlds } from './play-worlds.ts';
import { type Break, scriptBreaks } from './script-breaks.ts';
import { onServer } from './script-ledger.ts';

const MAX_STEPS = Number(process.env['FLEET_MODEL_BREAK_STEPS'] ?? 400_000);

/** Steps for rules that nothing is expected to notice. */
const UNNOTICED_STEPS = 40_000;
const SEED = 500_000_000;

const [part = ''] = process.argv.slice(2);
await using server = await startModelServer();
let wrongCount = 0;
for (const [index, broken] of [...scriptBreaks, ...nodeBreaks].entries()) {
  if (!broken.rule.includes(part)) continue;
  const { noticed, text } = await tryOut(broken, SEED + 10_000 * index);
  const isExpected = broken.noticedBy.length === 0 ? noticed === undefined : broken.noticedBy.includes(noticed ?? '');
  const isRight = isExpected || broken.isSometimes === true;
  if (!isRight) wrongCount++;
  process.stdout.write(`| ${broken.rule} | ${text} | ${isRight ? (broken.because ?? '') : 'WRONG'} |\n`);
}
process.stdout.write(`${wrongCount} not noticed as they should be\n`);
process.exitCode = wrongCount === 0 ? 0 : 1;

// --- internal ---

async function tryOut(
  broken: Break,
  seed: number,
): Promise<{ readonly noticed: string | undefined; readonly text: string }> {
  const steps = broken.noticedBy.length === 0 ? UNNOTICED_STEPS : MAX_STEPS;
  const mend = broken.node?.();
  try {
    const { violated } = await playWorlds({ seed, steps, width: 4, make: onServer(server.redis, broken.scripts) });
    if (violated === undefined) return { noticed: undefined, text: `not in ${steps} steps` };
    const { violation, total } = violated;
    return { noticed: violation.invariant, text: `${violation.invariant} after ${total} steps` };
  } finally {
    mend?.();
  }
}
