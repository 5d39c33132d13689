import { OpenFeature, type Provider } from '@openfeature/server-sdk';
import { expectTypeOf, test } from 'vitest';

import { createDegradation, defineFeatures } from '@holdfast/degradation';

import { featureProvider } from './feature-provider.ts';
import type { FlagFollower, FlagStatus } from './flag-follower.ts';
import { followFlags } from './follow-flags.ts';

const features = defineFeatures({
  search: { modes: ['full', 'reduced'], params: { reduced: { limit: 5 } } },
  checkout: { modes: ['full', 'deferred'], essential: true },
});
const degradation = createDegradation({ features });
const client = OpenFeature.getClient();

test('any degradation and any client will do', () => {
  const run = () => {
    expectTypeOf(featureProvider({ degradation })).toExtend<Provider>();
    const follower = followFlags({ degradation, client, features: ['search'] });
    expectTypeOf(follower).toEqualTypeOf<FlagFollower>();
    expectTypeOf(follower.status()).toEqualTypeOf<readonly FlagStatus[]>();
    OpenFeature.setProvider(featureProvider({ degradation, lookEveryMs: 500 }));
  };
  expectTypeOf(run).toBeFunction();
});

test('mistakes do not compile', () => {
  const run = () => {
    // @ts-expect-error the degradation is missing
    featureProvider({});
    // @ts-expect-error it is the catalogue, and not a degradation
    featureProvider({ degradation: features });
    // @ts-expect-error an unknown option
    featureProvider({ degradation, lookEvery: 500 });
    // @ts-expect-error the client is missing
    followFlags({ degradation });
    // @ts-expect-error it is the API, and no client
    followFlags({ degradation, client: OpenFeature });
  };
  expectTypeOf(run).toBeFunction();
});
