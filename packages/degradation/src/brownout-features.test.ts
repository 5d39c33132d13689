/** A brownout that drives a catalogue: what users see of features, overrides and the level together. */

import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { runBrownout } from './brownout-runner.ts';
import { createBrownout } from './brownout.ts';
import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';

const users = Array.from({ length: 100 }, (_each, index) => `user-${index}`);

function setUp() {
  const clock = virtualClock();
  const shed = { ratio: 0 };
  const features = defineFeatures({
    recommendations: { modes: ['full', 'cached', 'off'], onLevel: { 1: 'cached', 3: 'off' } },
    checkout: { modes: ['full', 'deferred'], essential: true, onLevel: { 4: 'deferred' } },
  });
  const degradation = createDegradation({ features, clock });
  const brownout = createBrownout();
  const runner = runBrownout(brownout, {
    clock,
    read: () => ({ shedRatio: shed.ratio }),
    apply: (level, { text }) => degradation.setLevel(level, { actor: 'brownout', reason: text }),
  });
  const stop = (): void => {
    runner.stop();
    degradation.close();
  };
  const modes = (name: 'recommendations' | 'checkout') =>
    users.map((key) => degradation.handle(name).read(undefined, { key }).mode);
  return { clock, shed, degradation, brownout, modes, stop };
}

describe('a brownout that drives a catalogue', () => {
  it('degrades the users whose bucket the level has passed, and tells the signal', async () => {
    const { clock, shed, degradation, brownout, modes, stop } = setUp();
    shed.ratio = 0.03;

    await clock.advance(500);

    expect(modes('recommendations')).toEqual(users.map((key) => (brownout.levelFor(key) === 1 ? 'cached' : 'full')));
    expect(new Set(modes('recommendations'))).toEqual(new Set(['cached', 'full']));
    expect(degradation.level().reason).toContain('shedRatio is 0.03 of 0.001 to 0.05');
    stop();
  });

  it('goes all the way down, what is essential last, and all the way back within a minute', async () => {
    const { clock, shed, brownout, modes, stop } = setUp();
    shed.ratio = 0.6;
    let essentialFrom = Infinity;
    for (let sample = 0; sample < 20; sample++) {
      await clock.advance(500);
      if (modes('checkout').includes('deferred')) essentialFrom = Math.min(essentialFrom, brownout.level);
    }
    expect(essentialFrom).toBe(4);
    expect(new Set(modes('recommendations'))).toEqual(new Set(['off']));

    shed.ratio = 0;
    await clock.advance(60_000);

    expect(new Set([...modes('recommendations'), ...modes('checkout')])).toEqual(new Set(['full']));
    stop();
  });

  it('degrades nothing any more once nobody renews the level', async () => {
    const { clock, shed, modes, stop } = setUp();
    shed.ratio = 0.6;
    await clock.advance(5000);
    stop();

    await clock.advance(31_000);

    expect(new Set(modes('recommendations'))).toEqual(new Set(['full']));
  });
});
