import { describe, expect, it } from 'vitest';

import { virtualClock } from '../testing/virtual-clock.ts';
import { listenForEnd } from './cancel-listener.ts';
import { CancelScope } from './cancel-scope.ts';

describe('a listener of a scope', () => {
  it('(1) runs at most once, with the cause, within the turn of the end', () => {
    const scope = new CancelScope(undefined, virtualClock(), Infinity);
    const told: unknown[] = [];
    listenForEnd(scope, (cause) => told.push(cause));

    scope.end('stop');
    expect(told).toEqual(['stop']);
    scope.end('again');
    scope.expire();
    expect(told).toEqual(['stop']);
  });

  it('(2) is stopped in time, or told that it was not, also by a scope that never tells it', () => {
    const [released, ended] = [0, 1].map(() => new CancelScope(undefined, virtualClock(), Infinity));
    const [stop, late] = [released, ended].map((scope) => listenForEnd(scope as CancelScope, () => {}));

    released?.release(); // it lets go of who only listens
    ended?.end('stop');

    expect([stop?.(), stop?.(), late?.()]).toEqual([true, false, false]);
  });
});
