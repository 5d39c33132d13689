/**
 * What it costs to read a mode and to go through a feature, against a bare async call.
 *
 * @module
 */

import { bench, describe } from 'vitest';

import { Context } from '@holdfast/core';

import { defineFeatures } from './catalogue.ts';
import { createDegradation } from './degradation.ts';

const features = defineFeatures({ reco: { modes: ['full', 'off'] }, search: { modes: ['full', 'off'] } });
const degradation = createDegradation({ features });
const [normal, degraded] = [degradation.handle('reco'), degradation.handle('search')];
degradation.set('search', 'off', { actor: 'bench', reason: 'measuring', expiresInMs: 3_600_000 });

const bare = async (value: number): Promise<number> => value;
const reco = degradation.feature('reco', { full: (_context, value: number) => bare(value), off: () => 0 });

/** Reads per call of the benchmark, so that what is measured is not the benchmark. */
const REPEATS = 1000;
let sink = 0;

describe('reading a mode, 1000 times', () => {
  bench('handle', () => {
    for (let count = 0; count < REPEATS; count++) if (normal.mode === 'full') sink++;
  });
  bench('handle, overridden', () => {
    for (let count = 0; count < REPEATS; count++) if (degraded.mode === 'off') sink++;
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
