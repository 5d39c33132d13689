import { describe, expect, it } from 'vitest';

import { fragmentOf, placeOf } from './place.ts';

describe('placeOf', () => {
  it('reads what fragmentOf writes', () => {
    for (const chosen of [undefined, 'prices', 'timeout/timeout@pipeline/prices', '<b>&%"#']) {
      expect(placeOf(fragmentOf('pipelines', chosen))).toEqual({ view: 'pipelines', chosen });
    }
  });

  it.each(['', '#', '#/nowhere', '#/nowhere/x', '#/circuits/%', 'x'])('leads from %j to the circuits', (fragment) => {
    expect(placeOf(fragment)).toEqual({ view: 'circuits', chosen: undefined });
  });
});
