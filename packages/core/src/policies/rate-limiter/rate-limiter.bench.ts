import { bench, describe } from 'vitest';

import { type Clock, systemClock } from '../../kernel/clock.ts';
import { createEvents } from '../../kernel/events.ts';
import { rateLimiter } from './rate-limiter.ts';

/** What is protected: a call that is answered in the same turn. Its results are summed up, so that none can be left out. */
const operation = async (): Promise<number> => 1;
let sum = 0;

/** Time a thousand times as fast: the rate is never reached. */
const clock: Clock = { now: () => systemClock.now() * 1000, setTimer: (...timer) => systemClock.setTimer(...timer) };
const fast = { maxPerInterval: 1_000_000, intervalMs: 1000, maxBurst: 1_000_000, clock };
const silent = rateLimiter(fast);
const events = createEvents();
events.listen(() => {});
const heard = rateLimiter({ ...fast, events });
const off = rateLimiter({ ...fast, enforcement: 'off' });
const refusing = rateLimiter({ maxPerInterval: 1, intervalMs: 86_400_000, initialBacklogMs: Infinity });

describe('rateLimiter, against a bare call', () => {
  bench('a bare call', async () => {
    sum += await operation();
  });
  bench('rateLimiter, within the rate, 0 listeners', async () => {
    sum += await silent.execute(operation);
  });
  bench('rateLimiter, within the rate, 1 listener', async () => {
    sum += await heard.execute(operation);
  });
  bench('rateLimiter, off', async () => {
    sum += await off.execute(operation);
  });
  bench('rateLimiter, refusing', async () => {
    await refusing.execute(operation).catch(() => {});
  });
});

process.on('exit', () => {
  if (sum === 0) throw new Error('nothing was measured');
});
