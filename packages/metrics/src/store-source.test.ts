import { describe, expect, it } from 'vitest';

import { readStore } from './store-source.ts';

describe('store source', () => {
  it('(1) a store that tells neither mode nor status is local', () => {
    expect(readStore({})).toMatchObject({ mode: 'local' });
    expect(readStore({ mode: 'shared', status: 'connecting' })).toMatchObject({ mode: 'shared' });
  });
});
