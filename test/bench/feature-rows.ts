/**
 * Feature rows: what it costs to read the mode of a feature, with a thousand features defined, in its default mode and while
 * it is overridden. Nothing is awaited but the rows `feature-call...`.
 *
 * @module
 */

import { Context, systemClock } from '@holdfast/core';
import {
  type Degradation,
  type FeatureHandle,
  type FeatureSpec,
  createDegradation,
  defineFeatures,
} from '@holdfast/degradation';

import type { Row, Subject } from './subject.ts';

/** The rows of features, in the order of the table. */
export const featureRows: readonly Row[] = [
  reading('feature-read', 'reading the mode of a feature by its handle, of 1000 features', (handle) => {
    return () => (handle.read().mode === 'full' ? 1 : 0);
  }),
  reading('feature-match', 'matching on the mode of a feature, of 1000 features', (handle) => {
    return () => handle.match(BEST);
  }),
  reading(
    'feature-read-overridden',
    'reading, while the feature is overridden for everybody',
    (handle, degradation) => {
      override(degradation);
      return () => (handle.read().mode === 'off' ? 1 : 0);
    },
  ),
  reading(
    'feature-match-overridden',
    'matching, while the feature is overridden for everybody',
    (handle, degradation) => {
      override(degradation);
      return () => handle.match(WORST);
    },
  ),
  reading(
    'feature-read-shared',
    'reading for a key, while the feature is overridden for half of them',
    (handle, degradation) => {
      override(degradation, 0.5);
      return () => (handle.read(undefined, KEYED).isForAll ? 0 : 1);
    },
  ),
  {
    name: 'one-clock-read',
    title: 'one look at the clock, which a read of an overridden feature takes',
    isSync: true,
    prepare: () => ({ run: () => (systemClock.now() > 0 ? 1 : 0) }),
  },
  {
    name: 'feature-call',
    title: 'calling a feature in its default mode, of 1000 features',
    prepare: () => calling(() => {}),
  },
  {
    name: 'feature-call-overridden',
    title: 'calling a feature that is overridden',
    prepare: () => calling(override),
  },
];

// --- internal ---

const FEATURE_COUNT = 1000;

const BEST = { full: () => 1, off: () => 0 };
const WORST = { full: () => 0, off: () => 1 };
const KEYED = { key: 'user-7' };

const spec = { modes: ['full', 'off'], onLevel: { 1: 'off' } } as const satisfies FeatureSpec;

type Modes = { readonly reco: 'full' | 'off' };

function make(): Degradation<Modes> {
  const others = Object.fromEntries(Array.from({ length: FEATURE_COUNT - 1 }, (_each, index) => [`f${index}`, spec]));
  return createDegradation({ features: defineFeatures({ reco: spec, ...others }) });
}

function override(degradation: Degradation<Modes>, shareRatio = 1): void {
  degradation.set('reco', 'off', { actor: 'bench', reason: 'measuring', expiresInMs: 3_600_000, shareRatio });
}

function reading(
  name: string,
  title: string,
  prepare: (handle: FeatureHandle<'full' | 'off'>, degradation: Degradation<Modes>) => () => number,
): Row {
  return {
    name,
    title,
    isSync: true,
    prepare: () => {
      const degradation = make();
      return { run: prepare(degradation.handle('reco'), degradation), close: () => degradation.close() };
    },
  };
}

function calling(before: (degradation: Degradation<Modes>) => void): Subject {
  const degradation = make();
  before(degradation);
  const call = degradation.feature('reco', { full: async () => 1, off: async () => 1 });
  return { run: () => call(Context.background), close: () => degradation.close() };
}
