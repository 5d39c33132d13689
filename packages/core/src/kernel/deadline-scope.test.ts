import { describe, expect, it } from 'vitest';

import { virtualClock } from '../testing/virtual-clock.ts';
import { CancelScope } from './cancel-scope.ts';
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
});
