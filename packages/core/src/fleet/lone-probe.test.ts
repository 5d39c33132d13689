import { describe, expect, it } from 'vitest';

import { LoneProbe, type LoneProbeTimes } from './lone-probe.ts';

const times: LoneProbeTimes = { openUntil: 1000, heardAt: 0, holdOffMs: 500, spreadMs: 2000 };

describe('LoneProbe', () => {
  it('(1) waits for the hold-off after the end of the open time, or after the last word of the store', () => {
    const lone = new LoneProbe(0);
    expect(lone.startsAt(times)).toBe(1500);
    expect(lone.startsAt({ ...times, heardAt: 1800 })).toBe(2300);
    expect([lone.start(times, 300, 1499), lone.start(times, 300, 1500)]).toEqual([false, true]);
  });

  it('(2) lets one run at a time, and one start per open time', () => {
    const lone = new LoneProbe(0);
    lone.start(times, 300, 1500);
    expect(lone.startsAt(times)).toBe(3500);
    lone.end();
    expect([lone.startsAt(times), lone.start(times, 300, 3499), lone.start(times, 300, 3500)]).toEqual([
      3500,
      false,
      true,
    ]);
  });

  it('(2) lets none start while another may run, however short the open time', () => {
    const lone = new LoneProbe(0);
    const short = { ...times, spreadMs: 100 };
    lone.start(short, 300, 1500);
    expect(lone.startsAt(short)).toBe(1800);
    lone.end();

    expect(lone.startsAt(short)).toBe(1600);
  });

  it('(3) spreads nodes over the open time', () => {
    expect([0, 0.25, 0.5].map((share) => new LoneProbe(share).startsAt(times))).toEqual([1500, 2000, 2500]);
  });
});
