import { type VirtualClock, virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Component } from './component.ts';
import { type Lifecycle, createLifecycle } from './lifecycle.ts';

const stopTimeoutMs = 400;

interface Part {
  /** Indexes of those that were added before and are needed. */
  readonly needs: readonly number[];
  readonly startMs: number;
  readonly drainMs: number | undefined;
  readonly closeMs: number;
}

const parts = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(7), { maxLength: 3 }),
      startMs: fc.nat(20),
      drainMs: fc.constantFrom(undefined, 0, 10, 40, Infinity), // Infinity hangs
      closeMs: fc.constantFrom(0, 10, 20, Infinity),
    }),
    { maxLength: 8 },
  )
  .map((list): Part[] => list.map((part, index) => ({ ...part, needs: part.needs.filter((need) => need < index) })));

/** A lifecycle of such parts, and when each of their steps began and ended, by order of happening. */
class World {
  readonly clock: VirtualClock = virtualClock();
  readonly life: Lifecycle;
  private readonly at = new Map<string, number>();

  constructor(list: readonly Part[], failing: number | undefined) {
    this.life = createLifecycle({ clock: this.clock, notReadyForMs: 0, stopTimeoutMs });
    for (const [index, part] of list.entries()) this.life.add(this.component(index, part, failing === index));
  }

  has(what: string): boolean {
    return this.at.has(what);
  }

  /** Whether `other` happened, and `one` not before it. */
  isDisorder(one: string, other: string): boolean {
    const [first = Infinity, second = Infinity] = [this.at.get(one), this.at.get(other)];
    return second < Infinity && first > second;
  }

  private component(index: number, { needs, startMs, drainMs, closeMs }: Part, fails: boolean): Component {
    return {
      name: `c${index}`,
      dependsOn: needs.map((need) => `c${need}`),
      start: this.step(`${index} start`, startMs, fails),
      ...(drainMs !== undefined && { drain: this.step(`${index} drain`, drainMs, false) }),
      close: this.step(`${index} close`, closeMs, false),
    };
  }

  private step(name: string, ms: number, fails: boolean) {
    return async (): Promise<void> => {
      this.at.set(`${name} begins`, this.at.size);
      await new Promise<void>((resolve) => void this.clock.setTimer(resolve, ms));
      if (fails) throw new Error('boom');
      this.at.set(`${name} ends`, this.at.size);
    };
  }
}

/** Checks what one component has to do with those that it needs. */
function checkOrder(world: World, index: number, part: Part): void {
  const hasStarted = world.has(`${index} start ends`);
  expect(world.has(`${index} close begins`)).toBe(hasStarted);
  for (const need of part.needs) {
    expect(world.isDisorder(`${need} start ends`, `${index} start begins`)).toBe(false);
    if (hasStarted) expect(world.isDisorder(`${index} close begins`, `${need} close begins`)).toBe(false);
    if (hasStarted && part.drainMs !== undefined)
      expect(world.isDisorder(`${index} drain begins`, `${need} drain begins`)).toBe(false);
  }
}

describe('a lifecycle of random components', () => {
  it('(1), (2), (4) keeps the order of starts, drains and closes, and ends in time, as the dependencies say', async () => {
    const failing = fc.option(fc.nat(7), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(parts, failing, fc.nat(150), async (list, failingIndex, stopAtMs) => {
        const world = new World(list, failingIndex);
        const starting = world.life.start().catch(() => {});
        await world.clock.advance(stopAtMs);
        const stopping = world.life.stop();
        await world.clock.advance(2 * stopTimeoutMs);
        await starting;
        const { durationMs } = await stopping;

        expect(durationMs).toBeLessThanOrEqual(stopTimeoutMs + 1e-6);
        for (const [index, part] of list.entries()) checkOrder(world, index, part);
        const firstNever = failingIndex ?? list.length;
        for (let later = firstNever + 1; later < list.length; later++)
          expect(world.has(`${later} start begins`)).toBe(false);
        expect(world.clock.pendingCount).toBe(0);
      }),
      { numRuns: 150 },
    );
  });
});
