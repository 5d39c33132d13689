import { bench, describe } from 'vitest';

import { chaos } from './chaos.ts';

/** What is protected: a call that is answered in the same turn. Its results are summed up, so that none can be left out. */
const operation = async (): Promise<number> => 1;
let sum = 0;

const off = chaos({ injections: [{ kind: 'fault', callRatio: 0.5 }] });
const quiet = chaos({ injections: [{ kind: 'fault', callRatio: 0 }], enforcement: 'enforce' });
const observing = chaos({ injections: [{ kind: 'fault', callRatio: 0.5 }], enforcement: 'observe' });
const answering = chaos({ injections: [{ kind: 'outcome', callRatio: 1, value: 1 }], enforcement: 'enforce' });

describe('chaos, against a bare call', () => {
  bench('a bare call', async () => {
    sum += await operation();
  });
  bench('off', async () => {
    sum += await off.execute(operation);
  });
  bench('on, hitting nothing', async () => {
    sum += await quiet.execute(operation);
  });
  bench('observing', async () => {
    sum += await observing.execute(operation);
  });
  bench('answering', async () => {
    sum += await answering.execute(operation);
  });
});

process.on('exit', () => {
  if (sum === 0) throw new Error('nothing was measured');
});
