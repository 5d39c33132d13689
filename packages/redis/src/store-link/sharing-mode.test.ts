import { createEvents } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { SharingMode } from './sharing-mode.ts';
import { sharingTeller, storeTeller } from '../circuit-store/store-events.ts';

function setUp() {
  const clock = virtualClock();
  const told: unknown[] = [];
  const events = createEvents();
  events.listen((event) => told.push(event));
  return { clock, told, sharing: new SharingMode(clock, sharingTeller(storeTeller(events, 'prod'))) };
}

const from = { policy: 'circuit-store', name: 'prod' };

describe('SharingMode', () => {
  it('(1) tells a change once, and a return with the time that it took', async () => {
    const { clock, told, sharing } = setUp();
    sharing.note(false, 'no answer');
    sharing.note(true, '');
    sharing.note(true, '');
    sharing.note(false, 'no answer');
    sharing.note(false, 'no answer');
    await clock.advance(700);
    sharing.note(true, '');

    expect(told).toEqual([
      { ...from, type: 'circuit-store.mode-changed', mode: 'shared', why: 'the store answers' },
      { ...from, type: 'circuit-store.mode-changed', mode: 'local', why: 'no answer' },
      { ...from, type: 'circuit-store.mode-changed', mode: 'shared', why: 'the store answers' },
      { ...from, type: 'circuit-store.recovered', afterMs: 700 },
    ]);
  });

  it('(2) answers who waits as soon as it is so', async () => {
    const { clock, sharing } = setUp();
    const isShared = sharing.when(() => sharing.mode === 'shared', 1000);
    sharing.note(false, 'no answer');
    sharing.note(true, '');

    await expect(isShared).resolves.toBe(true);
    expect(clock.pendingCount).toBe(0);
    await expect(sharing.when(() => sharing.mode === 'shared', 1000)).resolves.toBe(true);
  });

  it('(2) answers who waits in vain when the time is over, and keeps the process alive until then', async () => {
    const { clock, sharing } = setUp();
    const isShared = sharing.when(() => sharing.mode === 'shared', 1000);
    expect(clock.referencedCount).toBe(1);
    await clock.advance(1000);

    await expect(isShared).resolves.toBe(false);
  });

  it('(2) leaves nobody waiting, and tells nothing, once it is closed', async () => {
    const { clock, told, sharing } = setUp();
    sharing.note(true, '');
    const waiting = sharing.when(() => false, 1000);
    sharing.close();
    sharing.note(true, '');
    sharing.note(false, 'no answer');

    await expect(waiting).resolves.toBe(false);
    await expect(sharing.when(() => true, 1000)).resolves.toBe(false);
    expect([sharing.mode, told.length, clock.pendingCount]).toEqual(['local', 1, 0]);
  });
});
