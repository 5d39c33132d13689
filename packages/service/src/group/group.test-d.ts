import type { Context } from '@holdfast/core';
import { describe, expectTypeOf, it } from 'vitest';

import { type Group, group } from './group.ts';

describe('group, as the compiler sees it', () => {
  it('gives each piece its own type', () => {
    const parts = group();

    expectTypeOf(parts).toEqualTypeOf<Group>();
    expectTypeOf(parts.go(() => 1)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(parts.go(async (context) => context)).toEqualTypeOf<Promise<Context>>();
    expectTypeOf(parts.tryGo(() => 'a')).toEqualTypeOf<Promise<string> | undefined>();
    expectTypeOf(parts.wait()).toEqualTypeOf<Promise<void>>();
  });

  it('does not hand out its cancel', () => {
    expectTypeOf(group().context).not.toHaveProperty('cancel');
  });
});
