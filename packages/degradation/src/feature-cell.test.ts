import { describe, expect, it } from 'vitest';

import { Context, onHookError } from '@holdfast/core';
import { seededRandom, virtualClock } from '@holdfast/core/testing';

import type { AuditedChange } from './audit-trail.ts';
import { defineFeatures } from './catalogue.ts';
import { FeatureCell } from './feature-cell.ts';
import { ServiceLevel } from './service-level.ts';
import { target } from './targeting.ts';
import { featureRecord } from './testing/records.ts';

const { reco } = defineFeatures({ reco: { modes: ['full', 'cached', 'off'] } });

function setUp({ random = () => 0.5 }: { random?: () => number } = {}) {
  const clock = virtualClock();
  const changes: AuditedChange[] = [];
  const cell = new FeatureCell('reco', reco, {
    clock,
    random,
    wallClock: () => 1_000_000 + clock.now(),
    place: { region: undefined, instance: undefined },
    level: new ServiceLevel(),
    mayRestore: () => true,
    onChange: (change) => changes.push(change),
  });
  return { cell, clock, changes, record: featureRecord };
}

/** Moves time on without firing timers, as a frozen process does. */
function freeze(clock: { now: () => number }, ms: number): void {
  const at = clock.now() + ms;
  clock.now = () => at;
}

/** Runs `act` and returns the hooks whose errors were reported meanwhile. */
function collectHookErrors(act: () => void): { readonly reported: readonly string[] } {
  const reported: string[] = [];
  const before = onHookError(({ hook }) => reported.push(hook));
  try {
    act();
  } finally {
    onHookError(before);
  }
  return { reported };
}

describe('FeatureCell', () => {
  it('(1) is in its default up to the change, in the mode until its expiry, and in its default from then on', async () => {
    const { cell, clock, record } = setUp();
    expect(cell.mode).toBe('full');

    cell.replace(record(1));

    expect(cell.mode).toBe('off');
    await clock.advance(999);
    expect(cell.mode).toBe('off');
    await clock.advance(1);
    expect(cell.mode).toBe('full');
  });

  it.each([
    ['read', (cell: FeatureCell) => cell.mode],
    ['listed', (cell: FeatureCell) => cell.status()],
    ['read as a whole', (cell: FeatureCell) => cell.read()],
    ['asked for its overrides', (cell: FeatureCell) => cell.overrides()],
  ])('(1) ends an override without a timer when it is %s', (_name, touch) => {
    const { cell, clock, changes, record } = setUp();
    cell.replace(record(1));
    freeze(clock, 1000);

    touch(cell);
    touch(cell);

    expect(cell.mode).toBe('full');
    expect(changes.map(({ cause }) => cause)).toEqual(['set', 'expired']);
  });

  it('(3) tells each change once, with the time of the expiry rather than of its discovery', async () => {
    const { cell, clock, changes, record } = setUp();
    cell.replace(record(1));
    freeze(clock, 5000);
    void cell.mode;
    await clock.advance(0);

    expect(changes).toEqual([
      {
        at: '1970-01-01T00:16:40.000Z',
        feature: 'reco',
        from: 'full',
        to: 'off',
        actor: 'alice',
        reason: 'why',
        revision: 1,
        cause: 'set',
        expiresAt: '1970-01-01T00:16:41.000Z',
      },
      {
        at: '1970-01-01T00:16:41.000Z',
        feature: 'reco',
        from: 'off',
        to: 'full',
        actor: 'alice',
        reason: 'why',
        revision: 1,
        cause: 'expired',
        expiresAt: undefined,
      },
    ]);
  });

  it('(4) has one timer while it is overridden, which keeps no process alive, and none otherwise', async () => {
    const { cell, clock, record } = setUp();

    cell.replace(record(1));
    cell.replace(record(2));
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 0]);

    cell.replace(record(3, 'none'));
    expect(clock.pendingCount).toBe(0);

    cell.replace(record(4));
    await clock.advance(1000);
    expect(clock.pendingCount).toBe(0);

    cell.replace(record(6));
    cell.close();
    expect(clock.pendingCount).toBe(0);
  });

  it('(3) tells of an expiry before it takes the next record', () => {
    const { cell, clock, changes, record } = setUp();
    cell.replace(record(1));
    freeze(clock, 1000);

    cell.replace(record(3, { mode: 'cached' }));

    expect(changes.map(({ cause, from, to, revision }) => [cause, from, to, revision])).toEqual([
      ['set', 'full', 'off', 1],
      ['expired', 'off', 'full', 1],
      ['set', 'full', 'cached', 3],
    ]);
  });

  it('(2) keeps what it has when a record is older, or the same', () => {
    const { cell, changes, record } = setUp();
    cell.replace(record(2));

    expect(cell.replace(record(2))).toBe(false);
    expect(cell.replace(record(1, { mode: 'cached' }))).toBe(false);

    expect([cell.mode, changes.length]).toEqual(['off', 1]);
  });

  it('takes a record that expired on its way without a word', () => {
    const { cell, changes, record } = setUp();

    cell.replace(record(7, { remainingMs: -5 }));

    expect([cell.mode, cell.revision, changes]).toEqual(['full', 7, []]);
  });

  it('reads a mode that this version does not know as the nearest better one, and passes it on unchanged', () => {
    const { cell, record } = setUp();

    cell.replace(record(1, { mode: 'reduced', betterModes: ['full', 'cached', 'older'] }));
    expect(cell.mode).toBe('cached');
    cell.replace(record(2, { mode: 'reduced', betterModes: [] }));

    expect(cell.mode).toBe('full');
    expect(cell.record().overrides[0]?.mode).toBe('reduced');
  });

  it('lets a listener that is told of an expiry set the next mode', () => {
    const { cell, clock, record } = setUp();
    const next = record(3, { mode: 'cached' });
    const original = cell['ports' as never] as { onChange: (change: AuditedChange) => void };
    const tell = original.onChange;
    original.onChange = (change) => {
      tell(change);
      if (change.cause === 'expired') cell.replace(next);
    };
    cell.replace(record(1));
    freeze(clock, 1000);

    expect(cell.mode).toBe('cached');
  });

  it('(6) goes on as it is when somebody changes the record that it took, or what it shows', () => {
    const { cell, record } = setUp();
    const tiers = ['free'];
    cell.replace(record(1, { match: [{ attribute: 'tier', in: tiers }] }));
    tiers.push('gold');

    const [shown] = cell.status().overrides;
    expect(shown?.match).toEqual([{ attribute: 'tier', in: ['free'] }]);
    for (const part of [shown?.match, shown?.match[0], shown?.scope]) expect(Object.isFrozen(part)).toBe(true);
    expect(cell.read(undefined, { attributes: { tier: 'gold' } }).mode).toBe('full');
  });

  it.each<[string, unknown, string]>([
    ['null', null, 'full'],
    ['a text', 'ada', 'full'],
    ['a key that is null', { key: null }, 'full'],
    ['a key that is an object', { key: {} }, 'full'],
    ['an empty key', { key: '' }, 'full'],
    ['attributes that are null', { key: 'ada', attributes: null }, 'full'],
    ['attributes that are a text', { attributes: 'tier' }, 'full'],
    ['attributes, and a key that is a number', { key: 42, attributes: { tier: 'free' } }, 'off'],
  ])('(5) reads for a target that is none, or in part, by what is sound in it: %s', (_what, given, expected) => {
    const { cell, record } = setUp();
    cell.replace(record(1, { match: [{ attribute: 'tier', in: ['free'] }], shareRatio: 0.6 }));

    expect(cell.read(undefined, given as never).mode).toBe(expected);
    expect(cell.read(Context.background.withValue(target, given as never)).mode).toBe(expected);
  });

  it('(5) reads for a key that is a number as for none: in another bucket each time, not all in one', () => {
    const { cell, record } = setUp({ random: seededRandom(1) });
    cell.replace(record(1, { shareRatio: 0.5 }));

    const modes = Array.from({ length: 50 }, () => cell.read(undefined, { key: 42 } as never).mode);

    expect(new Set(modes)).toEqual(new Set(['full', 'off']));
  });

  it('(5) reads for attributes that throw as for nobody in particular, and reports it', () => {
    const { cell, record } = setUp();
    cell.replace(record(1, { match: [{ attribute: 'tier', in: ['free'] }] }));
    const attributes = Object.defineProperty({}, 'tier', {
      get: () => {
        throw new Error('the session is closed');
      },
    });

    const { reported } = collectHookErrors(() => expect(cell.read(undefined, { attributes }).mode).toBe('full'));

    expect(reported).toEqual(['target']);
  });

  it('(5) gives everybody the same reading, by identity, while nothing tells requests apart, and one of two for a share', () => {
    const { cell, record } = setUp();
    expect(cell.read()).toBe(cell.read());

    cell.replace(record(1));
    expect(cell.read()).toBe(cell.read(undefined, { key: 'ada' }));
    cell.replace(record(2, { shareRatio: 0.5 }));

    const keys = Array.from({ length: 50 }, (_each, index) => `user-${index}`);
    const reads = keys.map((key) => cell.read(undefined, { key }));
    expect(reads).toEqual(keys.map((key) => cell.read(undefined, { key })));
    expect(new Set(reads).size).toBe(2); // one for those whom the override is for, one for the others
    expect(reads.every((reading) => Object.isFrozen(reading))).toBe(true);
  });
});
