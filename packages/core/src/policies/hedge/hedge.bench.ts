import { bench, describe } from 'vitest';

import { createEvents } from '../../kernel/events.ts';
import { hedge } from './hedge.ts';

/** What is protected: a call that is answered in the same turn. Its results are summed up, so that none can be left out. */
const operation = async (): Promise<number> => 1;
let sum = 0;

const silent = hedge(100);
const measured = hedge({ delayMs: { quantile: 0.95, maxMs: 100 } });
const events = createEvents();
events.listen(() => {});
const heard = hedge({ delayMs: 100, events });

describe('hedge, idle path, against a bare call', () => {
  bench('a bare call', async () => {
    sum += await operation();
  });
  bench('hedge, 0 listeners', async () => {
    sum += await silent.execute(operation);
  });
  bench('hedge, delay by quantile', async () => {
    sum += await measured.execute(operation);
  });
  bench('hedge, 1 listener', async () => {
    sum += await heard.execute(operation);
  });
});

process.on('exit', () => {
  if (sum === 0) throw new Error('nothing was measured');
});
