import { describe, expect, it } from 'vitest';

import { makeFakeTime } from '../redis-lab/fake-time.ts';
import { startRedisServer } from '../redis-lab/redis-server.ts';
import { startSharing } from './circuit-fleet.ts';
import { proofOptions, survives } from './fault-proof.ts';

const HOUR_MS = 3_600_000;

describe.concurrent('a server whose clock steps', () => {
  it.each([
    ['an hour ahead', HOUR_MS],
    ['an hour back', -HOUR_MS],
    ['2 s back', -2000],
  ])(
    'charter M10: %s, while closed and while open, sets no ruling back, and all agree within 3 s',
    async (_what, byMs) => {
      const time = makeFakeTime();
      await using server = await startRedisServer({ env: time.env });
      await using sharing = await startSharing({
        count: 4,
        options: proofOptions,
        placeOf: () => ({ kind: 'lone', port: server.port }),
      });

      expect(
        await survives(sharing, {
          begin: () => time.step(byMs),
          end: () => time.step(byMs),
          servers: () => [server],
        }),
      ).toHaveLength(4);
      await server.stop();
      time.remove();
    },
  );
});
