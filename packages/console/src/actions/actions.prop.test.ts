/**
 * Random sequences of actions, of their undoing and of time: what is undone is as it was before, nothing lasts longer than it
 * was to, and everything is in the trail.
 *
 * @module
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { circuitBreaker, createRegistry } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { createDegradation, defineFeatures } from '@holdfast/degradation';

import { Problem } from '../api/problem.ts';
import { ActionTrail, type ShownAction, findChangedAction } from './action-trail.ts';
import { CircuitHolds } from './circuit-holds.ts';
import { FeatureChanges } from './feature-changes.ts';
import { OptionChanges } from './option-changes.ts';

const author = { actor: 'alice', reason: 'why', role: 'operator' } as const;

function start() {
  const clock = virtualClock();
  const wallClock = () => clock.now();
  const registry = createRegistry({ clock });
  const breaker = registry.create(circuitBreaker, { name: 'prices' });
  const features = defineFeatures({ reco: { modes: ['full', 'cached', 'off'] } });
  const degradation = createDegradation({ features, clock, wallClock });
  const trail = new ActionTrail(wallClock);
  const holds = new CircuitHolds({ registry, clock, wallClock, trail });
  const options = new OptionChanges({ registry, trail });
  const changes = new FeatureChanges({ degradation, clock, trail });
  /** Everything that an action changes, with the time at which it ends. */
  const state = () => ({
    circuit: breaker.state,
    holds: breaker
      .snapshot()
      .holds.map(({ state: held, remainingMs }) => [held, Math.round(clock.now() + remainingMs)]),
    options: breaker.describe().options,
    overrides: degradation
      .status('reco')
      .overrides.map(({ id, mode, remainingMs }) => [id, mode, Math.round(clock.now() + remainingMs)])
      .toSorted((one, other) => String(one[0]).localeCompare(String(other[0]))),
  });
  return { clock, trail, holds, options, changes, state };
}

type Bench = ReturnType<typeof start>;
type Step = (bench: Bench) => ShownAction | Promise<ShownAction>;

const forMs = fc.integer({ min: 1, max: 1000 });
const action: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ state: fc.constantFrom('open' as const, 'closed' as const), expiresInMs: forMs }).map(
    (request): Step =>
      ({ holds }) =>
        holds.hold('prices', { ...author, ...request }),
  ),
  fc.constant<Step>(({ holds }) => holds.release('prices', author)),
  fc
    .dictionary(fc.constantFrom('openForMs', 'maxProbes', 'rampUpMs'), fc.integer({ min: 0, max: 1200 }), {
      minKeys: 1,
    })
    .map(
      (values): Step =>
        ({ options }) =>
          options.change('circuit-breaker/prices', values, author),
    ),
  fc
    .record({
      mode: fc.constantFrom('full', 'cached', 'off'),
      kind: fc.constantFrom('force' as const, 'atLeast' as const, 'atMost' as const),
      expiresInMs: forMs,
    })
    .map(
      ({ mode, ...rest }): Step =>
        ({ changes }) =>
          changes.set('reco', mode, { ...author, ...rest }).action,
    ),
  fc.constant<Step>(({ changes }) => changes.restore('reco', author).action),
);
const waiting = fc.integer({ min: 0, max: 400 });
const undoing = fc.nat({ max: 12 });

/** Takes a step; undefined where it was refused, which changes nothing. */
async function take(bench: Bench, step: Step): Promise<ShownAction | undefined> {
  const [before, count] = [bench.state(), bench.trail.list().length];
  try {
    return await step(bench);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    expect([error.status >= 400 && error.status < 500, bench.state()]).toEqual([true, before]);
    expect(bench.trail.list().length).toBe(count);
    return undefined;
  }
}

describe('action trail', { timeout: 60_000 }, () => {
  it('(3) an action that is undone at once leaves nothing behind', async () => {
    let undoneCount = 0;

    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(action, waiting), { maxLength: 8 }), action, async (steps, last) => {
        const bench = start();
        for (const [step, ms] of steps) {
          await take(bench, step);
          await bench.clock.advance(ms);
        }
        const before = bench.state();

        const made = await take(bench, last);
        if (made?.isUndoable !== true) return;
        await bench.trail.undo(made.id, author);

        expect(bench.state()).toEqual(before);
        undoneCount++;
      }),
      { numRuns: 500 },
    );

    expect(undoneCount).toBeGreaterThan(200);
  });

  it('(1) (2) (3) random actions, undone in any order: nothing lasts longer, and all of it is in the trail', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            action,
            undoing,
            waiting.map((ms) => ({ ms })),
          ),
          { maxLength: 25 },
        ),
        async (steps) => {
          const bench = start();
          let latestEnd = 0;
          const done: ShownAction[] = [];
          for (const step of steps) {
            if (typeof step === 'object') await bench.clock.advance(step.ms);
            else if (typeof step === 'function') {
              const made = await take(bench, step);
              if (made !== undefined) done.push(made);
              latestEnd = Math.max(latestEnd, ...endsOf(bench));
            } else {
              const { id } = done[step % Math.max(done.length, 1)] ?? { id: '0' };
              const undone = await take(bench, ({ trail }) => trail.undo(id, author));
              if (undone !== undefined) done.push(undone);
              expect(Math.max(0, ...endsOf(bench))).toBeLessThanOrEqual(latestEnd);
            }
          }
          const list = bench.trail.list();
          const acted = list.filter(({ kind }) => kind !== 'circuit.hold-expired').map(({ id }) => id);
          expect([acted, findChangedAction(list)]).toEqual([done.map(({ id }) => id), undefined]);

          await bench.clock.advance(1001);
          expect([bench.state().holds, bench.state().overrides]).toEqual([[], []]);
          expect(bench.clock.pendingCount).toBeLessThanOrEqual(1); // that of the features
        },
      ),
      { numRuns: 400 },
    );
  });
});

function endsOf({ state }: Bench): readonly number[] {
  const { holds, overrides } = state();
  return [...holds, ...overrides].map((parts) => Number(parts.at(-1)));
}
