import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Link, LinkedList, unlink } from './linked-list.ts';

interface Named extends Link {
  readonly name: number;
}

const link = (name: number): Named => ({ name, previous: undefined, next: undefined });

type Command =
  | { readonly kind: 'append' | 'unlink'; readonly name: number; readonly list: number }
  | { readonly kind: 'shift'; readonly list: number };
const list = fc.nat(1);
const commands = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('append' as const, 'unlink' as const), name: fc.nat(5), list }),
    fc.record({ kind: fc.constant('shift' as const), list }),
  ),
  { maxLength: 40, size: 'max' },
);

function members(of: LinkedList): number[] {
  const names: number[] = [];
  for (let member = of.next as Link; member !== of; member = member.next as Link) names.push((member as Named).name);
  return names;
}

describe('linked list, against arrays', () => {
  it('linked list (1), (2): its members stand in the order of joining, each in one list at most', () => {
    const property = fc.property(commands, (steps: Command[]) => {
      const lists = [new LinkedList(), new LinkedList()] as const;
      const arrays: [number[], number[]] = [[], []];
      const links = Array.from({ length: 6 }, (_, name) => link(name));
      for (const step of steps) {
        const [real, array] = [lists[step.list as 0 | 1], arrays[step.list as 0 | 1]];
        if (step.kind === 'shift') {
          expect((real.shift() as Named | undefined)?.name).toBe(array.shift());
        } else {
          const member = links[step.name] as Named;
          const holder = arrays.find((each) => each.includes(step.name));
          if (step.kind === 'unlink') {
            expect(unlink(member)).toBe(holder !== undefined);
            holder?.splice(holder.indexOf(step.name), 1);
          } else if (holder === undefined) {
            real.append(member);
            array.push(step.name);
          }
        }
        expect(lists.map(members)).toEqual(arrays);
        expect(lists.map(({ isEmpty }) => isEmpty)).toEqual(arrays.map((each) => each.length === 0));
        expect(lists.map(({ first }) => (first as Named | undefined)?.name)).toEqual(arrays.map(([first]) => first));
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('linked list (3) leaves a link that left without neighbours', () => {
    const ring = new LinkedList();
    const links = [link(0), link(1), link(2)];
    for (const each of links) ring.append(each);
    ring.shift();
    unlink(links[2] as Named);

    expect(links.map(({ previous, next }) => [previous === undefined, next === undefined])).toEqual([
      [true, true],
      [false, false],
      [true, true],
    ]);
  });
});
