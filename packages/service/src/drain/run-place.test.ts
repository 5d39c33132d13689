import { describe, expect, it } from 'vitest';

import { RunPlaces } from './run-place.ts';

const places = new RunPlaces();

function begin(name: string, isDrawn: boolean, from = places): string | undefined {
  return from.note(name, begin, () => isDrawn);
}

describe('the places of runs', () => {
  it('(1) are noted for the first of each name, and for those that are drawn', () => {
    expect(begin('mail', false)).toContain('run-place.test.ts');
    expect(begin('mail', false)).toBeUndefined();
    expect(begin('mail', true)).toContain('run-place.test.ts');
    expect(places.of('mail')).toContain('run-place.test.ts');
    expect(places.of('other')).toBeUndefined();
  });

  it('(2) are remembered for a thousand names', () => {
    const many = new RunPlaces();
    for (let index = 0; index < 1001; index++) begin(`job-${index}`, false, many);

    expect(many.of('job-999')).toBeDefined();
    expect(many.of('job-1000')).toBeUndefined();
    expect(begin('job-1000', true, many)).toBeDefined();
  });

  it('are none where the stack cannot be read', () => {
    const holder = Error as unknown as { prepareStackTrace?: unknown };
    const before = holder.prepareStackTrace;
    holder.prepareStackTrace = () => {
      throw new Error('hostile');
    };
    try {
      expect(begin('hostile', true)).toBeUndefined();
    } finally {
      holder.prepareStackTrace = before;
    }
  });
});
