import { describe, expect, it } from 'vitest';

import { createSignalMeter } from './signal-meter.ts';

describe('signal meter', () => {
  it('(1) forgets what is older than the window, and nothing that is younger than half of it', () => {
    const meter = createSignalMeter();
    for (let index = 0; index < 20; index++) meter.shed(499);

    expect(meter.read(999).shedRatio).toBe(1);
    expect(meter.read(1000).shedRatio).toBe(0);
    meter.started(7, 1000);
    expect(meter.read(90_000)).toEqual({ shedRatio: 0, queueAgeMs: 0 });
  });

  it('(2) tells the age that nine of ten did not exceed', () => {
    const meter = createSignalMeter();
    for (let ageMs = 1; ageMs <= 100; ageMs++) meter.started(ageMs, ageMs * 9);

    expect(meter.read(900).queueAgeMs).toBe(90);
  });

  it('(2) keeps the latest ages only', () => {
    const meter = createSignalMeter();
    for (let index = 0; index < 600; index++) meter.started(1000, 0);
    for (let index = 0; index < 512; index++) meter.started(5, 0);

    expect(meter.read(0).queueAgeMs).toBe(5);
  });

  it('(3) takes few requests for more', () => {
    const meter = createSignalMeter({ minRequests: 20 });
    meter.shed(0);
    meter.started(0, 0);

    expect(meter.read(0).shedRatio).toBe(1 / 20);
    for (let index = 0; index < 38; index++) meter.started(0, 0);
    expect(meter.read(0).shedRatio).toBe(1 / 40);
  });

  it('refuses options out of range', () => {
    expect(() => createSignalMeter({ windowMs: 9 })).toThrow(
      'signalMeter.windowMs must be a number from 10 to 60000, got 9',
    );
    expect(() => createSignalMeter({ minRequests: 0 })).toThrow('signalMeter.minRequests must be an integer');
  });
});
