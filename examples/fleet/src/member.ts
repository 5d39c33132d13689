/**
 * Member: one process of the fleet. This is all that a service needs to do: a store, a registry, a breaker with a name.
 *
 * @module
 */

import {
  type CircuitTransitionEvent,
  type SharingExplanation,
  circuitBreaker,
  createRegistry,
  timeout,
} from '@holdfast/core';
import { redisCircuitStore } from '@holdfast/redis';
import { Redis } from 'ioredis';

import { CALL_LIMIT_MS, circuitRules } from './circuit-rules.ts';
import { type FromMember, type MemberPlan, type ToMember, machineMs } from './member-message.ts';
import { startCalls } from './member-calls.ts';

const plan = JSON.parse(process.argv[2] ?? '{}') as MemberPlan;

const redis = new Redis(plan.redisUrl, { lazyConnect: true });
const store = redisCircuitStore(redis, { namespace: plan.namespace, node: plan.name });
const registry = createRegistry({ store });
const breaker = registry.create(circuitBreaker, circuitRules);
const pricing = registry.pipeline('pricing', breaker, timeout(CALL_LIMIT_MS));

registry.events.listen((event) => {
  if (event.type !== 'circuit-breaker.transitioned') return;
  const at = machineMs();
  const { to } = event as CircuitTransitionEvent;
  queueMicrotask(() => tell({ kind: 'changed', change: { to, isOwn: fleet().override?.state === 'open', at } }));
});

const calls = startCalls(pricing, plan);
const timer = setInterval(tellStatus, 100);
tellStatus();

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {}); // Ctrl-C reaches all: we are told when
process.on('disconnect', () => process.exit(0)); // nobody is left to tell us
process.on('message', (message: ToMember) => {
  if (message.kind === 'sick') calls.isSick = message.isSick;
  else void end();
});

// --- internal ---

function tellStatus(): void {
  const { mode } = store.health();
  const { worstMs, counts } = calls.read();
  tell({ kind: 'status', status: { state: breaker.state, fleet: fleet(), mode, counts, worstMs } });
}

function fleet(): SharingExplanation {
  const explanation = breaker.snapshot().fleet;
  if (explanation === undefined) throw new Error('the circuit is not shared');
  return explanation;
}

function tell(message: FromMember): void {
  if (process.connected) process.send?.(message);
}

async function end(): Promise<void> {
  clearInterval(timer);
  calls.stop();
  await store.close(); // gives its leases back
  process.exit(0);
}
