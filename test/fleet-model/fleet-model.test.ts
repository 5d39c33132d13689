import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { tooRare } from './coverage.ts';
import { type MakeLedger, inMemory } from './model-ledger.ts';
import { type ModelServer, startModelServer } from './model-server.ts';
import { WORLD_STEPS, playWorlds, told } from './play-worlds.ts';
import { onServer } from './script-ledger.ts';
import { invariants } from './violation.ts';

const seed = Number(process.env['FLEET_MODEL_SEED'] ?? Math.floor(Math.random() * 2 ** 30));
const stepsOnServer = Number(process.env['FLEET_MODEL_STEPS'] ?? 300_000);
const stepsInMemory = Number(process.env['FLEET_MODEL_MEMORY_STEPS'] ?? 500_000);

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Worlds that did not agree before, by what had happened in them. */
const mended = [
  { world: 393_701_713, what: 'a message of a master that is gone comes after all was read from the new one' },
];

async function play(make: MakeLedger, steps: number): Promise<Outcome> {
  const startedAt = Date.now();
  const played = await playWorlds({ seed, steps, width: 4, make });
  const rate = Math.round((played.steps * 1000) / (Date.now() - startedAt));
  console.log(`${played.steps} steps in ${played.worlds} worlds from seed ${seed}, ${rate} a second`);
  const violation = played.violated === undefined ? 'none' : told(played.violated);
  return { violation, rare: steps < 200_000 ? [] : tooRare(played.counts, played.steps) };
}

interface Outcome {
  readonly violation: string;
  readonly rare: readonly string[];
}

describe(`a fleet in bad weather keeps ${Object.keys(invariants).join(' ')}, seed ${seed}`, () => {
  it(`on the shipped scripts, ${stepsOnServer} steps`, { timeout: 600_000 }, async () => {
    expect(await play(onServer(server.redis), stepsOnServer)).toEqual({ violation: 'none', rare: [] });
  });

  it(`on the ledger in memory, ${stepsInMemory} steps`, { timeout: 600_000 }, async () => {
    expect(await play(inMemory, stepsInMemory)).toEqual({ violation: 'none', rare: [] });
  });

  it.each(mended)('in world $world, where $what', async ({ world }) => {
    for (const make of [inMemory, onServer(server.redis)]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { violated } = await playWorlds({ seed: world, steps: WORLD_STEPS, width: 1, make });

      expect(violated === undefined ? 'none' : told(violated)).toBe('none');
    }
  });
});
