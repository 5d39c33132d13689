import { describe, expect, it } from 'vitest';

import { toText } from './brownout-report.ts';
import type { OverloadResults } from './overload.ts';

const pair = (one: number, other: number) => ({ with: one, without: other });
const results: OverloadResults = {
  capacityPerSecond: 95.2,
  offeredRatio: 3,
  criticalRatio: 0.4,
  deadlineMs: 500,
  rounds: 3,
  seconds: 20,
  criticalGoodputRatio: pair(1.1, 0.35),
  totalGoodputRatio: pair(2.7, 0.9),
  criticalAnsweredRatio: pair(0.92, 0.29),
  degradedRatio: pair(0.97, 0),
  p90Ms: pair(100, 170),
  p99Ms: pair(160, 230),
  worstDelayMs: pair(5, 6),
  level: 3.25,
  restoredSeconds: undefined,
  samples: [],
};

describe('the report of the brownout benchmark', () => {
  it('shows both sides of each figure', () => {
    const text = toText(results);

    expect(text).toMatch(/capacity 95 a second; 3 times that for 3 x 20 s/);
    expect(text).toMatch(/critical answers in time, of the capacity +1\.10 +0\.35/);
    expect(text).toMatch(/90 % of the answers within +100 ms +170 ms/);
    expect(text).toMatch(/level 3\.25 at the end\n$/);
  });

  it('tells how long the way back to 0 took', () => {
    expect(toText({ ...results, restoredSeconds: 47.4 })).toMatch(/level 3\.25 at the end, 0 again after 47 s\n$/);
  });
});
