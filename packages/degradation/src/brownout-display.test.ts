import { describe, expect, it } from 'vitest';

import { showLevel, shownAtRest } from './brownout-display.ts';

const DWELL = 10_000;

describe('brownout display', () => {
  it('(1) shows the nearest whole level', () => {
    expect(showLevel(shownAtRest, 0.49, 0, DWELL)).toBe(shownAtRest);
    expect(showLevel(shownAtRest, 0.5, 0, DWELL)).toEqual({ level: 1, since: 0 });
  });

  it('(2) stays for the dwell time', () => {
    const shown = showLevel(shownAtRest, 1.2, 0, DWELL);

    expect(showLevel(shown, 1.9, 9999, DWELL)).toBe(shown);
    expect(showLevel(shown, 0.4, 9999, DWELL)).toBe(shown);
    expect(showLevel(shown, 0.4, 10_000, DWELL)).toEqual({ level: 0, since: 10_000 });
  });

  it('(2) shows at once what is a whole level above', () => {
    const shown = showLevel(shownAtRest, 1, 0, DWELL);

    expect(showLevel(shown, 2, 1, DWELL)).toEqual({ level: 2, since: 1 });
  });
});
