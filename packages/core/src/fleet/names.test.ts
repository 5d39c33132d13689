import { describe, expect, it } from 'vitest';

import { seededRandom } from '../testing/seeded-random.ts';
import { leaseNames, nonceOf } from './names.ts';

describe('names', () => {
  it('of leases begin with the node and this run of it, and none comes twice', () => {
    const [names, others] = [leaseNames('n1', () => 0.5), leaseNames('n1', () => 0.25)];
    const prefix = `n1.${nonceOf(() => 0.5)}.`;
    const first = Array.from({ length: 40 }, () => names.next().value);

    expect(first.slice(0, 2)).toEqual([`${prefix}1`, `${prefix}2`]);
    expect(new Set([...first, others.next().value]).size).toBe(41);
    expect(first[36]).toBe(`${prefix}11`);
  });

  it('made up are letters and digits of 48 bits', () => {
    const random = seededRandom(3);
    for (let count = 0; count < 100; count++) expect(nonceOf(random)).toMatch(/^[\da-z]{1,10}$/);
    expect(nonceOf(() => 1 - 2 ** -53)).toBe((2 ** 48 - 1).toString(36));
  });
});
