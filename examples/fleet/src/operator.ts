/**
 * Operator: a person with a command line, who holds the circuit for everybody and releases it again.
 *
 * @module
 */

import { redisCircuitStore } from '@holdfast/redis';
import { Redis } from 'ioredis';

import { circuitRules } from './circuit-rules.ts';

/** Why, and for how long, the operator holds the circuit. */
export const wish = Object.freeze({ owner: 'alice', reason: 'upgrade', forMs: 60_000 });

/** An operator at work. */
export interface Operator {
  hold(): Promise<void>;
  release(): Promise<void>;
}

/** Calls the operator. */
export function operatorOf(redisUrl: string, namespace: string): Operator {
  return {
    hold: () => once(redisUrl, namespace, (store) => store.hold(circuitRules.name, 'open', wish)),
    release: () => once(redisUrl, namespace, (store) => store.release(circuitRules.name, { owner: wish.owner })),
  };
}

// --- internal ---

/** Does one thing and goes, as a command line does. */
async function once(
  redisUrl: string,
  namespace: string,
  action: (store: ReturnType<typeof redisCircuitStore>) => Promise<unknown>,
): Promise<void> {
  const store = redisCircuitStore(new Redis(redisUrl, { lazyConnect: true }), { namespace, node: 'operator' });
  try {
    await action(store);
  } finally {
    await store.close();
  }
}
