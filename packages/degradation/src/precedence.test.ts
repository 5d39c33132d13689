import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { OverrideKind, OverrideSource } from './override.ts';
import { type Wish, decide } from './precedence.ts';

let lastId = 0;

/** `manual force 2`, with a revision that grows from wish to wish. */
function wish(text: string, more: Partial<Wish> = {}): Wish {
  const [source, kind, position] = text.split(' ') as [OverrideSource, OverrideKind, string];
  const revision = ++lastId;
  return { id: `${text} #${revision}`, source, kind, position: Number(position), specificity: 0, revision, ...more };
}

const anyWish: fc.Arbitrary<Wish> = fc.record({
  id: fc.uuid(),
  kind: fc.constantFrom<OverrideKind[]>('force', 'atLeast', 'atMost'),
  source: fc.constantFrom<OverrideSource[]>('break-glass', 'manual', 'automatic', 'schedule'),
  position: fc.nat(3),
  specificity: fc.nat(2),
  revision: fc.nat(5),
});

describe('decide', () => {
  it.each<[string[], number, number, string]>([
    [[], 0, 0, 'default'],
    [[], 2, 2, 'level'],
    [['schedule force 3'], 0, 3, 'schedule'],
    [['schedule force 3'], 1, 1, 'level'],
    [['automatic atLeast 2'], 0, 2, 'automatic'],
    [['automatic atLeast 2'], 1, 2, 'automatic'],
    [['automatic atLeast 1'], 2, 2, 'level'],
    [['automatic atLeast 1', 'automatic atLeast 3'], 0, 3, 'automatic'],
    [['automatic atLeast 0'], 0, 0, 'default'],
    [['automatic atLeast 2', 'schedule force 3'], 0, 2, 'automatic'],
    [['manual atLeast 2'], 0, 2, 'manual'],
    [['manual atLeast 2'], 1, 2, 'manual'],
    [['manual atLeast 2'], 3, 3, 'level'],
    [['manual atMost 1'], 0, 0, 'default'],
    [['manual atMost 1'], 3, 1, 'manual'],
    [['manual atMost 1', 'schedule force 3'], 0, 1, 'manual'],
    [['manual atLeast 1', 'manual atMost 2'], 0, 1, 'manual'],
    [['manual atLeast 1', 'manual atMost 2'], 3, 2, 'manual'],
    [['manual force 1', 'manual atLeast 2'], 3, 1, 'manual'],
    [['manual force 0', 'automatic atLeast 2', 'schedule force 3'], 3, 0, 'manual'],
    [['break-glass force 0', 'manual force 3'], 3, 0, 'break-glass'],
    [['break-glass force 3', 'manual force 0', 'manual atMost 0'], 0, 3, 'break-glass'],
  ])('%j at level position %i comes to %i by %s', (texts, levelPosition, position, decidedBy) => {
    const decision = decide({ overrides: texts.map((text) => wish(text)), levelPosition, worstAutomatic: 3 });

    expect(decision).toMatchObject({ position, decidedBy, conflicts: [] });
  });

  it('lets controllers go as far as they may', () => {
    const overrides = [wish('automatic atLeast 3')];

    expect(decide({ overrides, levelPosition: 2, worstAutomatic: 1 }).position).toBe(1);
    expect(decide({ overrides, levelPosition: 2, worstAutomatic: 0 })).toMatchObject({ decidedBy: 'default' });
  });

  it('(2) follows atLeast where it is worse than atMost, and reports the conflict', () => {
    const [least, most] = [wish('manual atLeast 2'), wish('manual atMost 1')];

    const decision = decide({ overrides: [most, least], levelPosition: 0, worstAutomatic: 3 });

    expect(decision).toMatchObject({ position: 2, override: least, conflicts: [[least.id, most.id]] });
  });

  it('(3) follows the narrowest of one rank, then the newest, which is a conflict where they differ', () => {
    const [older, newer] = [wish('manual force 1'), wish('manual force 2')];
    const narrow = wish('manual force 3', { specificity: 1, revision: 0 });
    const ask = (overrides: readonly Wish[]) => decide({ overrides, levelPosition: 0, worstAutomatic: 3 });

    expect(ask([older, newer])).toMatchObject({ override: newer, conflicts: [[newer.id, older.id]] });
    expect(ask([older, newer, narrow])).toMatchObject({ override: narrow, conflicts: [] });
    expect(ask([older, { ...newer, position: 1 }]).conflicts).toEqual([]);
  });

  it('(1) (4) comes to a mode that somebody asked for, in whatever order they asked', () => {
    fc.assert(
      fc.property(fc.array(anyWish, { maxLength: 8 }), fc.nat(3), fc.nat(3), (overrides, levelPosition, worst) => {
        const decision = decide({ overrides, levelPosition, worstAutomatic: worst });

        expect([0, worst, levelPosition, ...overrides.map(({ position }) => position)]).toContain(decision.position);
        const reversed = decide({ overrides: overrides.toReversed(), levelPosition, worstAutomatic: worst });
        expect(reversed.position).toBe(decision.position);
        expect(reversed.decidedBy).toBe(decision.decidedBy);
      }),
    );
  });
});
