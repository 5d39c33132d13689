import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { TokenHand } from './token-hand.ts';

type Step =
  | { readonly kind: 'put'; readonly count: number; readonly lifeMs: number }
  | { readonly kind: 'take'; readonly cost: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'back' }
  | { readonly kind: 'discard' };

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('put' as const), count: fc.nat(9), lifeMs: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ kind: fc.constant('take' as const), cost: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 30 }) }),
    fc.constant({ kind: 'back' } as const),
    fc.constant({ kind: 'discard' } as const),
  ),
  { maxLength: 60 },
);

/** A list of single tokens, each with its end. */
class Model {
  now = 0;
  lastEnd = 0;
  tokens: number[] = [];
  unused = 0;

  expire(): void {
    const live = this.tokens.filter((end) => end > this.now);
    this.unused += this.tokens.length - live.length;
    this.tokens = live;
  }

  put({ count, lifeMs }: { count: number; lifeMs: number }): number {
    this.lastEnd = Math.max(this.lastEnd, this.now + lifeMs);
    this.tokens.push(...Array.from({ length: count }, () => this.lastEnd));
    return this.lastEnd;
  }
}

function play(hand: TokenHand, model: Model, step: Step): void {
  if (step.kind === 'put') {
    hand.put({ count: step.count, expiresAt: model.put(step), grantedAtUs: model.now });
  } else if (step.kind === 'take') {
    model.expire();
    const expected = model.tokens.length >= step.cost;
    expect(hand.take(step.cost, model.now)).toBe(expected);
    if (expected) model.tokens.splice(0, step.cost);
  } else if (step.kind === 'wait') {
    model.now += step.ms;
  } else if (step.kind === 'discard') {
    hand.expire(model.now);
    hand.discardAll();
    model.unused += model.tokens.length;
    model.tokens = [];
  } else {
    model.expire();
    hand.expire(model.now);
    expect(hand.takeUnused().count).toBe(model.unused);
    model.unused = 0;
  }
}

describe('TokenHand, against a list of single tokens', () => {
  it('(1) (2) (3) gives out the same tokens, and knows the same number in hand and unused', () => {
    const property = fc.property(steps, (taken) => {
      const hand = new TokenHand();
      const model = new Model();
      for (const step of taken) {
        play(hand, model, step);
        model.expire();
        expect(hand.countAt(model.now)).toBe(model.tokens.length);
        expect(hand.expiresAt).toBe(model.tokens[0] ?? Infinity);
      }
      expect(hand.takeUnused().count).toBe(model.unused);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('(1) knows when the oldest of the unused were granted', () => {
    const hand = new TokenHand();
    hand.put({ count: 2, expiresAt: 10, grantedAtUs: 7 });
    hand.put({ count: 3, expiresAt: 20, grantedAtUs: 9 });
    hand.expire(20);

    expect(hand.takeUnused()).toEqual({ count: 5, grantedAtUs: 7 });
    expect(hand.takeUnused()).toEqual({ count: 0, grantedAtUs: 0 });
  });
});
