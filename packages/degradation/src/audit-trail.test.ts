import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type AuditEntry, AuditTrail } from './audit-trail.ts';

const entry = (revision: number) => ({ revision }) as AuditEntry;

describe('AuditTrail', () => {
  it('(1) holds the last entries, oldest first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 100 }), (maxEntries, count) => {
        const trail = new AuditTrail(maxEntries);
        const all = Array.from({ length: count }, (_, revision) => entry(revision));

        for (const one of all) trail.add(one);

        expect(trail.list()).toEqual(all.slice(-maxEntries));
      }),
    );
  });

  it('hands out a copy', () => {
    const trail = new AuditTrail(2);
    trail.add(entry(1));
    const before = trail.list();

    trail.add(entry(2));

    expect(before).toHaveLength(1);
  });
});
