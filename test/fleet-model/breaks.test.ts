import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { noticedIn } from './break-run.ts';
import seeds from './break-seeds.json' with { type: 'json' };
import { type ModelServer, startModelServer } from './model-server.ts';
import { nodeBreaks } from './node-breaks.ts';
import { WORLD_STEPS } from './play-worlds.ts';
import { type Break, scriptBreaks } from './script-breaks.ts';
import type { Invariant } from './violation.ts';

const breaks: readonly Break[] = [...scriptBreaks, ...nodeBreaks];
const seedOf = new Map<string, number>(Object.entries(seeds));

/** The world of the seed notices at once; should others be needed, the next ones may. */
const MAX_STEPS = 60_000;

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server[Symbol.asyncDispose]());

describe('a fleet without one rule', () => {
  it.each(breaks.filter(({ noticedBy }) => noticedBy.length > 0))(
    'is noticed by the number of an invariant: $rule',
    async (broken) => {
      const seed = seedOf.get(broken.rule) ?? 0;
      const noticed = await noticedIn(server, broken, { seed, steps: MAX_STEPS, width: 1 });

      const how = 'nothing: find the seed of a world that notices it: try-breaks.ts --write';
      expect(broken.noticedBy).toContain(noticed?.by ?? how);
      expect(await withAllRules(noticed?.seed ?? seed)).toBe('nothing');
    },
  );

  it.each(breaks.filter(({ noticedBy }) => noticedBy.length === 0))(
    'is covered by another rule: $rule',
    async (broken) => {
      const noticed = await noticedIn(server, broken, { seed: 1, steps: MAX_STEPS / 2, width: 4 });

      expect(noticed?.story).toBeUndefined();
    },
  );
});

describe('the table of breaks', () => {
  it('has each rule once, a seed for each that is noticed, and a reason for each that is not', () => {
    const rules = breaks.map(({ rule }) => rule);
    const unexplained = breaks.filter(({ noticedBy, because }) => (noticedBy.length === 0) !== (because !== undefined));

    expect(new Set(rules).size).toBe(rules.length);
    expect([...seedOf.keys()]).toEqual(breaks.filter(({ noticedBy }) => noticedBy.length > 0).map(({ rule }) => rule));
    expect(unexplained).toEqual([]);
  });
});

/** What the world of a seed notices where no rule is missing. */
async function withAllRules(seed: number): Promise<Invariant | 'nothing'> {
  const noticed = await noticedIn(server, undefined, { seed, steps: WORLD_STEPS, width: 1 });
  return noticed?.by ?? 'nothing';
}
