import { createEvents, onHookError } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { storeTeller } from './store-events.ts';

const denial = { type: 'circuit-store.denied', operation: 'sync', message: 'NOPERM' } as const;

describe('storeTeller', () => {
  it('tells what happened, to whom and where', () => {
    const events = createEvents();
    const told: unknown[] = [];
    events.listen((event) => told.push(event));
    storeTeller(events, 'shop-prod')(denial);

    expect(told).toEqual([{ ...denial, policy: 'circuit-store', name: 'shop-prod' }]);
  });

  it('tells nothing where nobody listens', () => {
    expect(() => storeTeller(undefined, 'shop-prod')(denial)).not.toThrow();
    expect(() => storeTeller(createEvents(), 'shop-prod')(denial)).not.toThrow();
  });

  it('reports what the place for events throws', () => {
    const told: unknown[] = [];
    const before = onHookError((error) => told.push(error.hook));
    const broken = {
      active: true,
      listen: () => () => {},
      emit: () => {
        throw new Error('broken');
      },
    };
    storeTeller(broken, 'shop-prod')(denial);
    onHookError(before);

    expect(told).toEqual(['events']);
  });
});
