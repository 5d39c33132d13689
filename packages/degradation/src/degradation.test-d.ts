import { expectTypeOf, test } from 'vitest';

import { Context } from '@holdfast/core';

import { type Catalogue, defineFeatures } from './catalogue.ts';
import { type Degradation, createDegradation } from './degradation.ts';
import type { FeatureControl } from './feature-control.ts';

interface Item {
  readonly title: string;
}

const features = defineFeatures({
  recommendations: { modes: ['full', 'cached', 'off'], owner: 'growth' },
  checkout: { modes: ['full', 'deferred'], essential: true },
});
const degradation = createDegradation({ features });
const change = { actor: 'alice', reason: 'INC-4711', expiresInMs: 1000 };
const fetchItems = (_context: Context, _user: string): Promise<Item[]> => Promise.resolve([]);

test('modes are literal unions per feature', () => {
  type Names = { readonly recommendations: 'full' | 'cached' | 'off'; readonly checkout: 'full' | 'deferred' };
  expectTypeOf(features).toEqualTypeOf<Catalogue<Names>>();
  expectTypeOf(degradation).toEqualTypeOf<Degradation<Names>>();
  expectTypeOf(degradation.mode('checkout')).toEqualTypeOf<'full' | 'deferred'>();
  expectTypeOf(degradation.handle('recommendations').mode).toEqualTypeOf<'full' | 'cached' | 'off'>();
});

test('any degradation will do where names are known at run time only', () => {
  expectTypeOf(degradation).toExtend<FeatureControl>();
  expectTypeOf(degradation).toExtend<Degradation>();
});

test('the result is the union of what the modes return, awaited', () => {
  const recommend = degradation.feature('recommendations', {
    full: (context, user: string) => fetchItems(context, user),
    cached: (_context, user) => user.length,
    off: () => 'nothing' as const,
  });
  expectTypeOf(recommend).toEqualTypeOf<(context: Context, user: string) => Promise<Item[] | number | 'nothing'>>();
});

test('functions declared elsewhere will do', () => {
  const recommend = degradation.feature('recommendations', { full: fetchItems, cached: fetchItems, off: () => 1 });
  expectTypeOf(recommend).parameters.toEqualTypeOf<[context: Context, _user: string]>();
  expectTypeOf(recommend).returns.resolves.toEqualTypeOf<Item[] | number>();
});

test('arguments may be optional', () => {
  const pay = degradation.feature('checkout', {
    full: (_context, id: string, retries?: number) => [id, retries],
    deferred: (_context, id) => id,
  });
  expectTypeOf(pay).parameters.toEqualTypeOf<[context: Context, id: string, retries?: number | undefined]>();
});

test('parameters are delivered with their mode, as the types that they are', () => {
  const search = createDegradation({
    features: defineFeatures({
      search: {
        modes: ['full', 'reduced', 'off'],
        params: { reduced: { limit: 5, quality: 'low' } },
        onLevel: { 1.5: 'off' },
      },
    }),
  });
  const reading = search.handle('search').read();
  expectTypeOf(reading.mode).toEqualTypeOf<'full' | 'reduced' | 'off'>();
  if (reading.mode === 'reduced') {
    expectTypeOf(reading.params.limit).toEqualTypeOf<number>();
    expectTypeOf(reading.params.quality).toEqualTypeOf<string>();
  } else expectTypeOf(reading.params).toEqualTypeOf<undefined>();
  const matched = search.handle('search').match({ full: () => 'x', reduced: ({ limit }) => limit, off: () => null });
  expectTypeOf(matched).toEqualTypeOf<string | number | null>();
  const ask = search.ladder('search', {
    full: (context, _params, text: string) => fetchItems(context, text),
    reduced: (_context, { limit }) => limit,
    off: () => null,
  });
  expectTypeOf(ask).toEqualTypeOf<(context: Context, text: string) => Promise<Item[] | number | null>>();
  const policy = search.policy('search', 'full', { reduced: (_context, { limit }) => limit, off: () => null });
  expectTypeOf(policy.substituteType).toEqualTypeOf<number | null | undefined>();
});

test('implementations get the parameters of their mode where they ask for them', () => {
  const search = createDegradation({
    features: defineFeatures({
      search: { modes: ['full', 'reduced', 'off'], params: { reduced: { limit: 5 }, full: { isFuzzy: true } } },
    }),
  });
  const find = search.feature(
    'search',
    {
      full: (context, { isFuzzy }, text: string, page?: number) => fetchItems(context, `${text} ${page} ${isFuzzy}`),
      reduced: (_context, params) => {
        expectTypeOf(params).toEqualTypeOf<{ readonly limit: number }>();
        return params.limit;
      },
      off: (_context, params) => {
        expectTypeOf(params).toEqualTypeOf<undefined>();
        return null;
      },
    },
    { withParams: true },
  );
  expectTypeOf(find).toEqualTypeOf<
    (context: Context, text: string, page?: number) => Promise<Item[] | number | null>
  >();
  const wrong = () => {
    // @ts-expect-error the mode has no such parameter
    search.feature('search', { full: () => 1, reduced: (_c, { limt }) => limt, off: () => 1 }, { withParams: true });
    // @ts-expect-error a mode is missing
    search.feature('search', { full: () => 1, reduced: () => 1 }, { withParams: true });
    // @ts-expect-error a mode is unknown
    search.feature('search', { full: () => 1, reduced: () => 1, off: () => 1, no: () => 1 }, { withParams: true });
    // @ts-expect-error the feature is unknown
    search.feature('serch', { full: () => 1, reduced: () => 1, off: () => 1 }, { withParams: true });
    // @ts-expect-error there is no such option
    search.feature('search', { full: () => 1, reduced: () => 1, off: () => 1 }, { withParam: true });
    // @ts-expect-error the argument is missing
    void find(Context.background);
  };
  expectTypeOf(wrong).toBeFunction();
});

test('a change may change the parameters of its mode, and no others', () => {
  const search = createDegradation({
    features: defineFeatures({
      search: {
        modes: ['full', 'reduced', 'off'],
        params: { reduced: { limit: 5, sort: 'best', fields: ['title'] }, full: { isFuzzy: true } },
      },
      other: { modes: ['full', 'off'] },
    }),
  });
  const run = () => {
    search.set('search', 'reduced', { ...change, params: { limit: 3 } });
    search.set('search', 'reduced', { ...change, params: { limit: 3, sort: 'new' } });
    search.set('search', 'full', { ...change, params: { isFuzzy: false } });
    search.set('search', 'off', { ...change, params: undefined });
    // @ts-expect-error the parameter is another mode's
    search.set('search', 'full', { ...change, params: { limit: 3 } });
    // @ts-expect-error the parameter is unknown
    search.set('search', 'reduced', { ...change, params: { limt: 3 } });
    // @ts-expect-error it has another type
    search.set('search', 'reduced', { ...change, params: { limit: '3' } });
    // @ts-expect-error lists cannot be changed
    search.set('search', 'reduced', { ...change, params: { fields: ['body'] } });
    // @ts-expect-error the mode has none
    search.set('search', 'off', { ...change, params: { limit: 3 } });
    // @ts-expect-error the feature has none
    search.set('other', 'off', { ...change, params: { limit: 3 } });
  };
  expectTypeOf(run).toBeFunction();
  expectTypeOf(search).toExtend<FeatureControl>();
  expectTypeOf(search).toExtend<Degradation>();
});

test('mistakes do not compile', () => {
  const run = () => {
    // @ts-expect-error a mode is missing
    degradation.feature('checkout', { full: () => 1 });
    // @ts-expect-error a mode is missing, functions declared elsewhere
    degradation.feature('recommendations', { full: fetchItems, cached: fetchItems });
    // @ts-expect-error a mode is unknown
    degradation.feature('checkout', { full: () => 1, deferred: () => 1, off: () => 1 });
    // @ts-expect-error a mode is unknown, functions declared elsewhere
    degradation.feature('checkout', { full: fetchItems, deferred: fetchItems, off: fetchItems });
    // @ts-expect-error the arguments do not agree
    degradation.feature('checkout', { full: fetchItems, deferred: (_context: Context, id: number) => id });
    // @ts-expect-error no function
    degradation.feature('checkout', { full: () => 1, deferred: 1 });
    // @ts-expect-error the feature is unknown
    degradation.feature('search', { full: () => 1 });
    // @ts-expect-error the feature is unknown
    degradation.mode('search');
    // @ts-expect-error the feature is unknown
    degradation.handle('search');
    // @ts-expect-error the feature is unknown
    degradation.restore('search', change);
    // @ts-expect-error the mode is unknown
    degradation.set('checkout', 'off', change);
    // @ts-expect-error the mode is another feature's
    degradation.set('recommendations', 'deferred', change);
    // @ts-expect-error the expiry is missing
    degradation.set('checkout', 'deferred', { actor: 'alice', reason: 'INC-4711' });
    // @ts-expect-error the reason is missing
    degradation.restore('checkout', { actor: 'alice' });
    const handle = degradation.handle('checkout');
    // @ts-expect-error a mode is missing
    handle.match({ full: () => 1 });
    // @ts-expect-error a mode is unknown
    handle.match({ full: () => 1, deferred: () => 1, off: () => 1 });
    // @ts-expect-error the mode has no parameters
    handle.match({ full: (params) => params.limit, deferred: () => 1 });
    // @ts-expect-error a mode is missing
    degradation.ladder('checkout', { full: () => 1 });
    // @ts-expect-error a mode is unknown
    degradation.ladder('checkout', { full: () => 1, deferred: () => 1, off: () => 1 });
    // @ts-expect-error the kind is unknown
    degradation.set('checkout', 'deferred', { ...change, kind: 'most' });
    // @ts-expect-error the mode of a level is unknown
    defineFeatures({ checkout: { modes: ['full', 'off'], onLevel: { 1: 'none' } } });
    // @ts-expect-error the mode of the parameters is unknown
    defineFeatures({ checkout: { modes: ['full', 'off'], params: { none: {} } } });
    // @ts-expect-error the worst mode is unknown
    defineFeatures({ checkout: { modes: ['full', 'off'], worstAutomatic: 'none' } });
    // @ts-expect-error no mode at all
    defineFeatures({ checkout: { modes: [] } });
    // @ts-expect-error an unknown key
    defineFeatures({ checkout: { modes: ['full'], ower: 'pay' } });
    // @ts-expect-error the argument is missing
    void degradation.feature('checkout', { full: fetchItems, deferred: fetchItems })(Context.background);
    // @ts-expect-error the mode never is that
    return degradation.mode('checkout') === 'off';
  };
  expectTypeOf(run).toBeFunction();
});
