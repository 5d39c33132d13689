import { expectTypeOf } from 'vitest';

import { pipeline } from '../../kernel/pipeline.ts';
import { createRegistry } from '../../registry/registry.ts';
import { type Noop, noop } from './noop.ts';

expectTypeOf(noop()).toEqualTypeOf<Noop>();
expectTypeOf(noop().execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(noop().wrap((...ids: string[]) => ids)).toEqualTypeOf<(...ids: string[]) => Promise<string[]>>();
expectTypeOf(pipeline(noop(), noop()).execute(() => undefined)).toEqualTypeOf<Promise<undefined>>();
expectTypeOf(createRegistry().create(noop, { name: 'limit' })).toEqualTypeOf<Noop>();

// @ts-expect-error -- no such option
noop({ limit: 4 });
// @ts-expect-error -- a name does not change
noop().update({ name: 'other' });
