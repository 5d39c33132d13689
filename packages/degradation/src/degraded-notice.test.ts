import { describe, expect, it } from 'vitest';

import { Context } from '@holdfast/core';

import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';
import { degradedHeader, degradedProblem, noticesOf, publicNotices, withNotices } from './degraded-notice.ts';

const features = defineFeatures({
  reco: { modes: ['full', 'cached', 'off'], isPublic: true, notice: 'May be out of date.' },
  fraud: { modes: ['full', 'off'] },
});
const change = { actor: 'alice', reason: 'INC-1', expiresInMs: 60_000 };

describe('notices', () => {
  it('(1) are of what is degraded, once per feature, as it was read last', () => {
    const degradation = createDegradation({ features });
    const context = withNotices(Context.background);
    const derived = context.withTimeout(1000);
    degradation.handle('reco').read(derived);
    expect(noticesOf(context)).toEqual([]);

    degradation.set('reco', 'cached', change);
    degradation.handle('reco').read(derived);
    degradation.set('reco', 'off', change);
    degradation.handle('reco').read(derived);
    degradation.handle('reco').read(Context.background);
    degradation.close();

    expect(noticesOf(context)).toEqual([{ feature: 'reco', mode: 'off', decidedBy: 'manual' }]);
    expect(noticesOf(Context.background)).toEqual([]);
    derived.cancel();
  });

  it('(1) are no more of a feature that was read in its best mode since, by a read, a match and a ladder', async () => {
    const degradation = createDegradation({ features });
    const context = withNotices(Context.background);
    const handle = degradation.handle('reco');
    let isDown = true;
    const full = (): string => {
      if (isDown) throw new Error('down');
      return 'full';
    };
    const ladder = degradation.ladder('reco', { full, cached: () => 'cached', off: () => 'off' });
    const modes = { full: () => 1, cached: () => 2, off: () => 3 };
    const degrade = (): void => {
      degradation.set('reco', 'cached', change);
      degradation.handle('reco').read(context);
      degradation.restore('reco', { actor: 'bob', reason: 'over' });
    };

    degrade();
    expect(noticesOf(context)).toHaveLength(1);
    handle.read();
    expect(noticesOf(context)).toHaveLength(1);
    handle.read(context);
    expect(noticesOf(context)).toEqual([]);

    degrade();
    handle.match(modes, context);
    expect(noticesOf(context)).toEqual([]);

    expect(await ladder(context)).toBe('cached');
    expect(noticesOf(context)).toEqual([{ feature: 'reco', mode: 'cached', decidedBy: 'failure' }]);
    isDown = false;
    expect(await ladder(context)).toBe('full');
    expect(noticesOf(context)).toEqual([]);
  });

  it('(2) name to outsiders only what is public', () => {
    const all = [
      { feature: 'fraud', mode: 'off', decidedBy: 'manual' as const },
      { feature: 'reco', mode: 'cached', decidedBy: 'level' as const },
      { feature: 'toString', mode: 'off', decidedBy: 'level' as const },
    ];

    expect(degradedHeader(publicNotices(all, features))).toBe('reco=cached;by=level');
    expect(degradedHeader(all.slice(0, 2))).toBe('fraud=off;by=manual, reco=cached;by=level');
    expect(degradedHeader([])).toBeUndefined();
  });

  it('(3) never make a long header', () => {
    const all = Array.from({ length: 40 }, (_, n) => ({ feature: `f${n}`, mode: 'off', decidedBy: 'level' as const }));

    expect(degradedHeader(all)?.split(', ')).toHaveLength(16);
  });

  it('make a problem with the words of the catalogue', () => {
    expect(degradedProblem({ feature: 'reco', mode: 'off' }, features)).toMatchObject({
      status: 503,
      detail: 'May be out of date.',
      feature: 'reco',
      mode: 'off',
    });
    expect(degradedProblem({ feature: 'fraud', mode: 'off' }, features).detail).toMatch(/switched off/);
  });
});
