import { bench, describe } from 'vitest';

import { noop } from './noop.ts';

/** What is protected: a call that is answered in the same turn. Its results are summed up, so that none can be left out. */
const operation = async (): Promise<number> => 1;
let sum = 0;

const policy = noop();

describe('noop, against a bare call', () => {
  bench('a bare call', async () => {
    sum += await operation();
  });
  bench('noop', async () => {
    sum += await policy.execute(operation);
  });
});

process.on('exit', () => {
  if (sum === 0) throw new Error('nothing was measured');
});
