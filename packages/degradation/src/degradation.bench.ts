import { bench, describe } from 'vitest';

import { Context } from '@holdfast/core';

import { type FeatureSpec, defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';

/** A thousand features, of which two are used. */
const others = Object.fromEntries(
  Array.from({ length: 998 }, (_, n): [string, FeatureSpec] => [`f${n}`, { modes: ['full', 'off'] }]),
);
const spec = { modes: ['full', 'off'], onLevel: { 1: 'off' } } as const;
const features = defineFeatures({ reco: spec, search: spec, ...others });
const degradation = createDegradation({ features });
const [normal, degraded] = [degradation.handle('reco'), degradation.handle('search')];
degradation.set('search', 'off', { actor: 'bench', reason: 'measuring', expiresInMs: 3_600_000 });

const bare = async (value: number): Promise<number> => value;
const reco = degradation.feature('reco', { full: (_context, value: number) => bare(value), off: () => 0 });
const functions = { full: () => 1, off: () => 0 };
const request = { key: 'ada' };

/** Reads per call of the benchmark, so that what is measured is not the benchmark. */
const REPEATS = 1000;
let sink = 0;

describe('reading a mode, 1000 times, with 1000 features', () => {
  bench('a bare async call', async () => {
    for (let count = 0; count < REPEATS; count++) sink += await bare(count);
  });
  bench('read', () => {
    for (let count = 0; count < REPEATS; count++) if (normal.read().mode === 'full') sink++;
  });
  bench('read, with a context', () => {
    for (let count = 0; count < REPEATS; count++) if (normal.read(Context.background).mode === 'full') sink++;
  });
  bench('read, overridden', () => {
    for (let count = 0; count < REPEATS; count++) if (degraded.read(undefined, request).mode === 'off') sink++;
  });
  bench('match', () => {
    for (let count = 0; count < REPEATS; count++) sink += normal.match(functions);
  });
  bench('by name', () => {
    for (let count = 0; count < REPEATS; count++) if (degradation.mode('reco') === 'full') sink++;
  });
});

describe('calling, 1000 times', () => {
  bench('bare', async () => {
    for (let count = 0; count < REPEATS; count++) sink += await bare(count);
  });
  bench('feature', async () => {
    for (let count = 0; count < REPEATS; count++) sink += await reco(Context.background, count);
  });
});

process.on('exit', () => {
  if (sink === 0) throw new Error('nothing was measured');
});
