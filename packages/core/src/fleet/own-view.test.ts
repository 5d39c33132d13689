import { describe, expect, it } from 'vitest';

import { type OwnView, inForce } from './own-view.ts';

describe('inForce', () => {
  it('(1) lets a view count only under the ruling under which it was formed', () => {
    const view: OwnView = { state: 'closed', basis: 7, at: 0, successes: 1 };

    expect([inForce(view, 7), inForce(view, 8), inForce(view, 6), inForce(undefined, 7)]).toEqual([
      view,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
