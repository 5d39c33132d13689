import { describe, expect, it } from 'vitest';

import { Restless } from './restless.ts';

describe('Restless', () => {
  it('(1) forgets who has nothing to say any more, when it looks', () => {
    const [one, other] = [{ at: 5 }, { at: 3 }].map((state) => ({ state, dueAt: () => state.at }));
    const restless = new Restless<typeof one & {}>();
    expect(restless.firstAt()).toBe(Infinity);
    expect([restless.note(one!), restless.note(other!), restless.firstAt()]).toEqual([5, 3, 3]);
    expect([restless.due(2), restless.due(3), restless.due(5)]).toEqual([[], [other], [one, other]]);

    other!.state.at = Infinity;
    expect(restless.firstAt()).toBe(5);
    other!.state.at = 1;
    expect([restless.firstAt(), restless.due(9)]).toEqual([5, [one]]);
    restless.forget(one!);
    expect(restless.firstAt()).toBe(Infinity);
  });

  it('takes no note of who has nothing to say', () => {
    const restless = new Restless();
    let at = Infinity;
    expect(restless.note({ dueAt: () => at })).toBe(Infinity);
    at = 1;

    expect(restless.firstAt()).toBe(Infinity);
  });
});
