import { describe, expect, it } from 'vitest';

import { MAX_POLL_MS, pollPaceMs } from './poll-pace.ts';

describe('pollPaceMs', () => {
  it('goes by the store where few shards are used', () => {
    expect([pollPaceMs(2000, 1), pollPaceMs(2000, 2), pollPaceMs(7000, 3)]).toEqual([2000, 2000, 7000]);
  });

  it('polls once a second in all where more are used', () => {
    expect(pollPaceMs(2000, 8)).toBe(8000);
  });

  it('(1) polls each shard often enough for its ticket, and not more often than the store says', () => {
    expect([pollPaceMs(2000, 64), pollPaceMs(MAX_POLL_MS, 64)]).toEqual([MAX_POLL_MS, MAX_POLL_MS]);
    expect(pollPaceMs(12_000, 1)).toBe(12_000);
  });
});
