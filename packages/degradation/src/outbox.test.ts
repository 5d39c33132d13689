import { describe, expect, it } from 'vitest';

import { memoryOutbox } from './outbox.ts';

describe('memoryOutbox', () => {
  it('(1) refuses what it has no room for', async () => {
    const outbox = memoryOutbox<string>({ maxItems: 2 });

    expect([await outbox.add('a'), await outbox.add('b'), await outbox.add('c')]).toEqual([true, true, false]);
    expect(await outbox.count()).toBe(2);
  });

  it('(2) (3) hands out the oldest until it is let go, and what failed after the others', async () => {
    const outbox = memoryOutbox<string>({ maxItems: 2 });
    await outbox.add('a');
    await outbox.add('b');

    const first = await outbox.peek();
    expect([first?.item, (await outbox.peek())?.item]).toEqual(['a', 'a']);
    await outbox.postpone(first!.id);
    expect((await outbox.peek())?.item).toBe('b');
    await outbox.remove((await outbox.peek())!.id);

    expect(await outbox.peek()).toEqual({ id: first!.id, item: 'a', failedCount: 1 });
    await outbox.postpone('unknown');
    await outbox.remove(first!.id);
    expect(await outbox.peek()).toBeUndefined();
  });

  it.each([[{ maxItems: 0 }], [{}], [undefined]])('refuses the options %j', (options) => {
    expect(() => memoryOutbox(options as never)).toThrow('memoryOutbox');
  });
});
