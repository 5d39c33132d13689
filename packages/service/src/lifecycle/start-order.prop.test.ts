import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Ordered, drainDepths, startOrder } from './start-order.ts';

/** Components that depend on some of those with a lower rank, in a random order of adding. */
const components = fc
  .array(fc.array(fc.nat(9), { maxLength: 3 }), { maxLength: 10 })
  .map((list) => list.map((needs, rank) => ({ rank, needs: needs.filter((need) => need < rank) })))
  .chain((list) => fc.shuffledSubarray(list, { minLength: list.length }))
  .map((list) => list.map(({ rank, needs }) => ({ name: `c${rank}`, dependsOn: needs.map((need) => `c${need}`) })));

describe('startOrder, for random components', () => {
  it('(1), (2) is the first of all orders, by adding, that keeps the dependencies', () => {
    fc.assert(
      fc.property(components, (list) => {
        const names = startOrder(list).map(({ name }) => name);
        const left = list.map(({ name }) => name);
        for (const name of names) {
          const isFree = (other: string): boolean =>
            list.find((component) => component.name === other)?.dependsOn.every((need) => !left.includes(need)) ??
            false;
          expect(name).toBe(left.find(isFree)); // the first that was added of those that can start now
          left.splice(left.indexOf(name), 1);
        }
        expect(left).toEqual([]);
      }),
    );
  });

  it('(3) refuses exactly the lists that have a circle', () => {
    const graphs = fc.array(fc.array(fc.nat(5), { maxLength: 2 }), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(graphs, (graph) => {
        const list: Ordered[] = graph.map((needs, index) => ({
          name: `c${index}`,
          dependsOn: needs.map((need) => `c${need}`),
        }));
        const reaches = (from: number, to: number, seen: number[] = []): boolean =>
          (graph[from] ?? []).some(
            (next) => next === to || (!seen.includes(next) && reaches(next, to, [...seen, next])),
          );
        const hasCircle = graph.some((_, index) => reaches(index, index));

        if (hasCircle) expect(() => startOrder(list)).toThrow(/must be free of circles, got "(c\d) -> (?:c\d -> )*\1"/);
        else expect(startOrder(list)).toHaveLength(6);
      }),
    );
  });
});

describe('startOrder', () => {
  it('(3) names a dependency that is not there, and a circle', () => {
    expect(() => startOrder([{ name: 'http', dependsOn: ['database'] }])).toThrow(
      'lifecycle.http.dependsOn must be names of components, got "database"',
    );
    expect(() => startOrder([{ name: 'a', dependsOn: ['a'] }])).toThrow('free of circles, got "a -> a"');
  });
});

describe('drainDepths', () => {
  it('counts the drains that must still fit in when one begins', () => {
    const drain = (): void => {};
    const depths = drainDepths([
      { name: 'database' },
      { name: 'background', dependsOn: ['database'], drain },
      { name: 'http', dependsOn: ['background'], drain },
      { name: 'consumer', dependsOn: ['database'], drain },
    ]);

    expect(Object.fromEntries(depths)).toEqual({ database: 0, background: 1, http: 2, consumer: 1 });
    const undeclared = drainDepths([{ name: 'a', drain }, { name: 'b', drain }, { name: 'c' }, { name: 'd', drain }]);
    expect(Object.fromEntries(undeclared)).toEqual({ a: 1, b: 2, c: 2, d: 3 });
  });
});
