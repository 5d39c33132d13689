import { describe, expect, it } from 'vitest';

import { startAdminUnderTest } from './testing/admin-under-test.ts';

describe('request rate', () => {
  it('(1) lets no role use up the rate of another, nor guesses that of any', async () => {
    const tokens = { viewer: 'a-token-that-only-looks', operator: 'correct-horse-battery-staple' };
    const { ask, clock } = await startAdminUnderTest({ tokens, maxRequestsPerSecond: 2 });
    const as = (token: string) => ask('/', { headers: { Authorization: `Bearer ${token}` } });
    const statuses = async (token: string) => {
      const found: number[] = [];
      for (let count = 0; count < 6; count++) found.push((await as(token)).status);
      return found;
    };

    expect(await statuses('a-guess-and-no-more')).toEqual([401, 401, 401, 401, 429, 429]);
    expect(await statuses(tokens.viewer)).toEqual([200, 200, 200, 200, 429, 429]);
    const late = await as(tokens.viewer);
    expect([late.headers.get('retry-after'), late.body]).toEqual([
      '1',
      expect.objectContaining({ code: 'TOO_MANY_REQUESTS' }),
    ]);
    expect((await as(tokens.operator)).status).toBe(200);
    await clock.advance(1000);
    expect((await as(tokens.viewer)).status).toBe(200);
  });
});
