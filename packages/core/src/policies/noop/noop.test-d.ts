import { expectTypeOf } from 'vitest';

import { pipeline } from '../../kernel/pipeline.ts';
import type { LayeredPolicy } from '../../kernel/policy.ts';
import { createRegistry } from '../../registry/registry.ts';
import { noop } from './noop.ts';

expectTypeOf(noop()).toEqualTypeOf<LayeredPolicy>();
expectTypeOf(noop().execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(noop().wrap((...ids: string[]) => ids)).toEqualTypeOf<(...ids: string[]) => Promise<string[]>>();
expectTypeOf(pipeline(noop(), noop()).execute(() => undefined)).toEqualTypeOf<Promise<undefined>>();
expectTypeOf(createRegistry().create(noop, { name: 'limit' })).toEqualTypeOf<LayeredPolicy>();

// @ts-expect-error -- no such option
noop({ limit: 4 });
