import { describe, expect, it } from 'vitest';

import { ribbonPaths } from './ribbon-paths.ts';

const view = { fromMs: 1000, toMs: 2000, heardMs: 2000, width: 100, height: 20 };

describe('ribbonPaths', () => {
  it('draws each state as high as it is bad, from where it began to where the next one did', () => {
    const paths = ribbonPaths(
      [
        [1000, 'closed'],
        [1500, 'open'],
        [1750, 'half-open'],
      ],
      view,
    );

    expect(Object.fromEntries(paths)).toEqual({
      closed: 'M0 20V16H50V20Z',
      open: 'M50 20V0H75V20Z',
      'half-open': 'M75 20V8H100V20Z',
    });
  });

  it('(1) has a path per state, however often it changed', () => {
    const ribbon = Array.from(
      { length: 250 },
      (_, index) => [1000 + index, index % 2 === 0 ? 'open' : 'closed'] as const,
    );

    expect([...ribbonPaths(ribbon, view).keys()]).toEqual(['open', 'closed']);
  });

  it('(2) leaves empty what is not known: before the first state, and after what was heard last', () => {
    expect(Object.fromEntries(ribbonPaths([[1200, 'open']], { ...view, heardMs: 1600 }))).toEqual({
      open: 'M20 20V0H60V20Z',
    });
    expect(ribbonPaths([[1700, 'open']], { ...view, heardMs: 1600 }).size).toBe(0);
    expect(ribbonPaths([], view).size).toBe(0);
  });

  it('shows what was in view only, and a moment as one pixel', () => {
    const ribbon = [
      [0, 'open'],
      [900, 'closed'],
      [1500, 'open'],
      [1501, 'closed'],
    ] as const;

    expect(ribbonPaths(ribbon, view).get('open')).toBe('M50 20V0H51V20Z');
  });
});
