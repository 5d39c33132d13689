import { describe, expect, it } from 'vitest';

import { virtualClock } from '@holdfast/core/testing';

import { memoryOutbox } from './memory-outbox.ts';
import { type OutboxSubject, outboxConformance } from './testing/outbox-conformance.ts';

function subject(): OutboxSubject {
  const clock = virtualClock();
  return {
    handles: async ({ maxItems }) => {
      const outbox = memoryOutbox({ maxItems, clock });
      return [outbox, outbox];
    },
    pass: (ms) => clock.advance(ms),
  };
}

describe('memoryOutbox', () => {
  it.each(outboxConformance)('(1) (2) (3) (4) (5) $name', async (each) => {
    await expect(each.run(subject())).resolves.toBeUndefined();
  });

  it('(4) forgets a key after rememberMs, and the oldest of more keys than maxItems', async () => {
    const clock = virtualClock();
    const outbox = memoryOutbox<string>({ maxItems: 2, rememberMs: 1000, clock });
    const deliver = async (key: string): Promise<void> => {
      await outbox.add(key, key);
      const { entry } = await outbox.take({ leaseMs: 1000, gapMs: 0 });
      if (entry !== undefined) await outbox.settle(entry);
    };
    for (const key of ['a', 'b', 'c']) await deliver(key);
    expect([await outbox.add('a', 'a'), await outbox.add('c', 'c')]).toEqual(['kept', 'known']);
    await clock.advance(999);
    expect(await outbox.add('c', 'c')).toBe('known');
    await clock.advance(1);

    expect(await outbox.add('c', 'c')).toBe('kept');
  });

  it.each([[{ maxItems: 0 }], [{}], [undefined], [{ maxItems: 1, rememberMs: -1 }], [{ maxItems: 1, size: 2 }]])(
    'refuses the options %j',
    (options) => {
      expect(() => memoryOutbox(options as never)).toThrow('memoryOutbox');
    },
  );
});
