import { bench, describe } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { retry } from './retry.ts';

/** What is protected: a call that is answered in the same turn. Its results are summed up, so that none can be left out. */
const operation = async (): Promise<number> => 1;
let sum = 0;

const silent = retry();
const events = createEvents();
events.listen(() => {});
const heard = retry({ events });
const request = Context.background.withTimeout(3_600_000);

describe('retry, idle path, against a bare call', () => {
  bench('a bare call', async () => {
    sum += await operation();
  });
  bench('retry, 0 listeners', async () => {
    sum += await silent.execute(operation);
  });
  bench('retry, 1 listener', async () => {
    sum += await heard.execute(operation);
  });
  bench('retry, the caller has a deadline', async () => {
    sum += await silent.execute(operation, request);
  });
});

process.on('exit', () => {
  if (sum === 0) throw new Error('nothing was measured');
});
