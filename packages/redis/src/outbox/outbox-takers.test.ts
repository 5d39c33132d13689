import { describe, expect, it } from 'vitest';

import { OutboxTakers } from './outbox-takers.ts';

describe('OutboxTakers', () => {
  it('(1) gives no name twice that is in use, here or elsewhere', () => {
    const [here, elsewhere] = [new OutboxTakers(), new OutboxTakers()];
    const names = [here.use(), here.use(), elsewhere.use()];

    expect(new Set(names).size).toBe(3);
  });

  it('(2) frees a name for the item that it has, and not for one that it had, nor twice', () => {
    const takers = new OutboxTakers();
    const name = takers.use();
    takers.hold(name, 'first');
    takers.release(name, 'first');
    takers.release(name, 'first');
    expect(takers.use()).toBe(name);
    takers.hold(name, 'second');
    takers.release(name, 'first');
    takers.release(name, undefined);

    expect(takers.use()).not.toBe(name);
  });

  it('(3) gives a name again under which nothing was taken, and no name of another', () => {
    const takers = new OutboxTakers();
    const name = takers.use();
    takers.release(name, undefined);
    takers.release(new OutboxTakers().use(), undefined);

    expect(takers.use()).toBe(name);
    expect(takers.use()).not.toBe(name);
  });
});
