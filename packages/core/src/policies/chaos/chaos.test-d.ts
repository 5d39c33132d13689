import { type Chaos, chaos, contextKey, createRegistry, pipeline, timeout } from '@holdfast/core';
import { expectTypeOf } from 'vitest';

const tenant = contextKey<string>('tenant');

expectTypeOf(chaos({ injections: [{ kind: 'fault', callRatio: 0.1 }] })).toEqualTypeOf<Chaos>();
expectTypeOf(chaos({ injections: [{ kind: 'fault', callRatio: 1 }] }).execute(() => 7)).toEqualTypeOf<
  Promise<number>
>();
expectTypeOf(chaos({ injections: [{ kind: 'outcome', callRatio: 1, value: 'none' }] }).execute(() => 7)).toEqualTypeOf<
  Promise<number | string>
>();
expectTypeOf(
  pipeline(timeout(5), chaos({ injections: [{ kind: 'latency', callRatio: 1, latencyMs: [5, 10] }] })).execute(() => 7),
).toEqualTypeOf<Promise<number>>();
expectTypeOf(
  createRegistry().create(chaos<string>, { name: 'storm', injections: [{ kind: 'outcome', callRatio: 1, value: '' }] }),
).toEqualTypeOf<Chaos<string>>();

chaos({ injections: [{ kind: 'behaviour', callRatio: 1, run: ({ signal }) => fetch('/', { signal }) }] });
chaos({ injections: [{ kind: 'fault', callRatio: 1, when: { key: tenant, values: ['test'] } }] });
chaos({ injections: [{ kind: 'fault', callRatio: 1, when: (context) => context.value(tenant) === 'test' }] });
chaos({ injections: [{ kind: 'latency', callRatio: 1, latencyMs: (context) => context.remainingMs() / 2 }] });
chaos({ injections: [{ kind: 'fault', callRatio: 1 }] }).update({
  enforcement: 'enforce',
  maxInjections: 5,
  forMs: 1000,
});

// @ts-expect-error -- the share of calls must be said
chaos({ injections: [{ kind: 'fault' }] });
// @ts-expect-error -- a kind that does not exist
chaos({ injections: [{ kind: 'storm', callRatio: 1 }] });
// @ts-expect-error -- a fault has no delay
chaos({ injections: [{ kind: 'fault', callRatio: 1, latencyMs: 5 }] });
// @ts-expect-error -- what is injected must be said
chaos({});
// @ts-expect-error -- one switch for all policies
chaos({ injections: [{ kind: 'fault', callRatio: 1 }], enabled: true });
// @ts-expect-error -- a name does not change
chaos({ injections: [{ kind: 'fault', callRatio: 1 }] }).update({ name: 'other' });
