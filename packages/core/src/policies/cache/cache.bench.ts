import { bench, describe } from 'vitest';

import { createEvents } from '../../kernel/events.ts';
import { cache } from './cache.ts';

/** What is protected: a call that is answered in the same turn. Its results are summed up, so that none can be left out. */
const operation = async (): Promise<number> => 1;
let sum = 0;

const hit = cache({ keyOf: () => 'tea', ttlMs: 3_600_000 });
const events = createEvents();
events.listen(() => {});
const heard = cache({ keyOf: () => 'tea', ttlMs: 3_600_000, events });
const miss = cache({ keyOf: () => 'tea', ttlMs: 0 });
const keyless = cache({ keyOf: () => undefined });

describe('cache against a bare call', () => {
  bench('a bare call', async () => {
    sum += await operation();
  });
  bench('cache, fresh value, 0 listeners', async () => {
    sum += await hit.execute(operation);
  });
  bench('cache, fresh value, 1 listener', async () => {
    sum += await heard.execute(operation);
  });
  bench('cache, nothing kept', async () => {
    sum += await miss.execute(operation);
  });
  bench('cache, no key', async () => {
    sum += await keyless.execute(operation);
  });
});

process.on('exit', () => {
  if (sum === 0) throw new Error('nothing was measured');
});
