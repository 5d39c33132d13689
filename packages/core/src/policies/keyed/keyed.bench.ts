import { bench, describe } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { type Keyed, keyed } from './keyed.ts';

/** What is protected: a call that is answered in the same turn. Its results are summed up, so that none can be left out. */
const operation = async (): Promise<number> => 1;
let sum = 0;

const host = contextKey<string>('host');
const contexts = Array.from({ length: 1000 }, (_, index) => Context.background.withValue(host, `host-${index}`));
let turn = 0;
const next = (): Context => contexts[turn++ % contexts.length] as Context;

function breakers(options: object = {}): Keyed<ReturnType<typeof circuitBreaker>> {
  const make = (_key: string, name: string): ReturnType<typeof circuitBreaker> => circuitBreaker({ name });
  return keyed({ keyOf: (context) => context.value(host) ?? '', make, ...options });
}

const alone = circuitBreaker();
const silent = breakers();
const patient = breakers({ idleMs: Infinity });
const crowded = breakers({ maxKeys: 100 });
const events = createEvents();
events.listen(() => {});
const heard = breakers({ events });

describe('keyed, 1000 keys in turn, against a bare call', () => {
  bench('a bare call', async () => {
    sum += await operation();
  });
  bench('a circuit breaker alone', async () => {
    sum += await alone.execute(operation, next());
  });
  bench('keyed breakers, 0 listeners', async () => {
    sum += await silent.execute(operation, next());
  });
  bench('keyed breakers, 1 listener', async () => {
    sum += await heard.execute(operation, next());
  });
  bench('keyed breakers, nothing expires', async () => {
    sum += await patient.execute(operation, next());
  });
  bench('keyed breakers, each call makes one and evicts one', async () => {
    sum += await crowded.execute(operation, next());
  });
});

const count = 100_000;
const collect = (globalThis as { gc?: () => void }).gc;
collect?.();
const before = process.memoryUsage().heapUsed;
const many = breakers({ maxKeys: count });
for (let index = 0; index < count; index++) {
  sum += await many.execute(operation, Context.background.withValue(host, `host-${index}`));
}
collect?.();
const bytes = (process.memoryUsage().heapUsed - before) / count;
process.stdout.write(
  `${many.size} keyed breakers: ${Math.round(bytes)} bytes each${collect === undefined ? ' (garbage included: run with --expose-gc)' : ''}\n`,
);

process.on('exit', () => {
  if (sum === 0 || many.size !== count) throw new Error('nothing was measured');
});
