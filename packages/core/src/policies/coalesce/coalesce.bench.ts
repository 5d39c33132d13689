import { bench, describe } from 'vitest';

import { coalesce } from './coalesce.ts';

/** What is protected: a call that is answered in the same turn. Its results are summed up, so that none can be left out. */
const operation = async (): Promise<number> => 1;
let sum = 0;

const unshared = coalesce({ keyOf: () => undefined });
const shared = coalesce({ keyOf: () => 'all' });

describe('coalesce, against a bare call', () => {
  bench('a bare call', async () => {
    sum += await operation();
  });
  bench('coalesce, no key', async () => {
    sum += await unshared.execute(operation);
  });
  bench('coalesce, a run for one', async () => {
    sum += await shared.execute(operation);
  });
  bench('coalesce, a run for ten', async () => {
    const calls = Array.from({ length: 10 }, () => shared.execute(operation));
    for (const value of await Promise.all(calls)) sum += value;
  });
});

process.on('exit', () => {
  if (sum === 0) throw new Error('nothing was measured');
});
