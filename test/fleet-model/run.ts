/**
 * Plays the model for as long as is wanted: `node --conditions=@holdfast/source --import tsx test/fleet-model/run.ts -- [--steps N] [--seed N] [--memory N]`.
 *
 * Prints the seed and the rate, and fails for the first invariant that does not hold, with what came before. `README.md` says
 * more.
 *
 * @module
 */

import { commandLineOf, integerFlag } from '../check/command-line.ts';
import { type MakeLedger, inMemory } from './model-ledger.ts';
import { startModelServer } from './model-server.ts';
import { playWorlds, told } from './play-worlds.ts';
import { onServer } from './script-ledger.ts';

const { values } = commandLineOf({
  command: 'node --conditions=@holdfast/source --import tsx test/fleet-model/run.ts',
  purpose: 'Plays a fleet in bad weather, and fails for the first invariant that does not hold.',
  flags: {
    steps: integerFlag('steps on the shipped scripts', [0, 1_000_000_000], 10_000_000),
    memory: integerFlag('steps on the ledger in memory', [0, 1_000_000_000], 10_000_000),
    seed: integerFlag('seed of the first world, to have it again', [0, 4_294_967_295], undefined),
  },
  examples: ['npm run test:long -- --only=fleet-model'],
});
const { steps, memory, seed = Math.floor(Math.random() * 2 ** 30) } = values;

console.log(`seed ${seed}`);
await using server = await startModelServer();
const isWell =
  (await play('the shipped scripts', onServer(server.redis), steps)) &&
  (await play('the ledger in memory', inMemory, memory));
process.exitCode = isWell ? 0 : 1;

// --- internal ---

async function play(where: string, make: MakeLedger, wanted: number): Promise<boolean> {
  if (wanted === 0) return true;
  const startedAt = Date.now();
  let shownAt = 0;
  const rate = (done: number): string => `${Math.round((done * 1000) / (Date.now() - startedAt))} a second`;
  const onWorld = (done: number): void => {
    if (done - shownAt < wanted / 20) return;
    shownAt = done;
    console.log(`${where}: ${done} steps, ${rate(done)}`);
  };
  const played = await playWorlds({ seed, steps: wanted, width: 4, make, onWorld });
  for (const [what, count] of [...played.counts].toSorted(([one], [other]) => one.localeCompare(other)))
    console.log(`${String(count).padStart(10)} ${what}`);
  if (played.violated !== undefined) console.log(told(played.violated));
  const outcome = played.violated === undefined ? 'no violation' : 'VIOLATED';
  console.log(`${where}: ${played.steps} steps in ${played.worlds} worlds, ${rate(played.steps)}: ${outcome}`);
  return played.violated === undefined;
}
