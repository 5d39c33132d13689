import { describe, expect, it } from 'vitest';

import { Figures } from '../../examples/orders/src/story/promises.ts';

describe('the figures of the orders', () => {
  it('hold killed clients to the time that was said', () => {
    const figures = new Figures(100);
    figures.note('leaving.p99_ms', 100);
    expect(figures.areKept()).toBe(true);

    figures.note('leaving.p99_ms', 101);

    expect(figures.areKept()).toBe(false);
    expect(figures.all().find(({ name }) => name === 'leaving.p99_ms')).toMatchObject({ value: 101, atMost: 100 });
  });

  it('take what did not come for the worst of all', () => {
    const figures = new Figures(60_000);
    figures.note('leaving.p99_ms', undefined);

    expect(figures.areKept()).toBe(false);
  });
});
