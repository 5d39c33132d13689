import { describe, expect, it } from 'vitest';

import { virtualClock } from '../testing/virtual-clock.ts';
import { CancelScope } from './cancel-scope.ts';
import { isTimeout } from './cancellation.ts';
import { Context } from './context.ts';
import { deadlineScope } from './deadline-scope.ts';

describe('a deadline with a cause of its own', () => {
  it('(1) gives the cause to the scope that ends by it, and to no other', async () => {
    const clock = virtualClock();
    const parent = new CancelScope(undefined, clock, 100);
    const [own, equal, later, cancelled] = [50, 100, 200, 50].map((at) => deadlineScope(parent, at, `at ${at}`));
    cancelled?.end('cancelled');

    await clock.advance(100);

    expect([own, equal, later, cancelled].map((scope) => scope?.cause)).toEqual([
      'at 50',
      parent.cause,
      parent.cause,
      'cancelled',
    ]);
    expect([own, equal, later, cancelled].map((scope) => scope?.endedByDeadline)).toEqual([true, true, true, false]);
  });

  it('(1) ends by the deadline from above, for its cause, where that comes first or at once, and for its own where that does', async () => {
    const clock = virtualClock();
    const [outer, inner] = [new Error('outer'), new Error('inner')];
    const parent = Context.withClock(clock).withTimeout(100, outer);
    const children = [50, 100, 150].map((ms) => parent.withTimeout(ms, inner));
    const plain = [undefined, null].map((cause) => Context.withClock(clock).withTimeout(10, cause));
    await clock.advance(200);

    expect(children.map(({ cause }) => cause)).toEqual([inner, outer, outer]);
    for (const { cause } of plain) expect(isTimeout(cause)).toBe(true);
  });
});
