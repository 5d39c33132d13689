import { describe, expect, it } from 'vitest';

import { OutboxTakers } from './outbox-takers.ts';

describe('OutboxTakers', () => {
  it('(1) gives no name twice that is in use, here or elsewhere', () => {
    const [here, elsewhere] = [new OutboxTakers(), new OutboxTakers()];
    const names = [here.use(), here.use(), elsewhere.use()];

    expect(new Set(names).size).toBe(3);
  });

  it('(2) gives a name again that was released, once, and no name of another', () => {
    const takers = new OutboxTakers();
    const name = takers.use();
    takers.release(name);
    takers.release(name);
    takers.release(new OutboxTakers().use());

    expect(takers.use()).toBe(name);
    expect(takers.use()).not.toBe(name);
  });
});
