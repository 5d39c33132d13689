/**
 * Whatever happened, a scrape says what the snapshots say.
 *
 * @module
 */

import {
  type Bulkhead,
  type CircuitBreaker,
  type CircuitState,
  type Context,
  Context as Contexts,
  type Pipeline,
  type Retry,
  bulkhead,
  circuitBreaker,
  createRegistry,
  fallback,
  retry,
  timeout,
} from '@holdfast/core';
import { seededRandom, virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { describe, it, expect } from 'vitest';

import { prometheus } from './prometheus.ts';

const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('succeed', 'fail', 'hang'), on: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel'), on: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('advance'), on: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset'), on: fc.nat(1) }) },
);

type Command = { readonly do: string; readonly on: number };

function makeService() {
  const clock = virtualClock();
  const registry = createRegistry({ clock, random: seededRandom(1) });
  const services = ['a', 'b'].map((name) => {
    const window = { kind: 'count', size: 4 } as const;
    const breaker = registry.create(circuitBreaker, { name, window, minimumCalls: 2, maxProbes: 1, openForMs: 200 });
    const again = registry.create(retry, { name, maxAttempts: 2, baseDelayMs: 50 });
    const room = registry.create(bulkhead, { name, maxConcurrent: 2, maxQueued: 1 });
    const standIn = registry.create(fallback<string>, { name, value: 'stand-in', handles: () => name === 'a' });
    const calls = registry.pipeline(name, standIn, again, breaker, room, timeout({ timeoutMs: 300, clock }));
    return { name, breaker, again, room, calls, standIn };
  });
  return { clock, registry, services };
}

type Service = ReturnType<typeof makeService>;

async function obey(service: Service, { do: what, on }: Command, callers: (Context & { cancel(): void })[]) {
  if (what === 'advance') await service.clock.advance(on);
  else if (what === 'cancel') callers[on]?.cancel();
  else if (what === 'reset') service.services[on]?.breaker.reset();
  else {
    const caller = Contexts.background.withCancel();
    callers.push(caller);
    const operation = { succeed: () => 'value', fail: () => Promise.reject(new Error()), hang: () => hang }[what];
    void service.services[on]?.calls.execute<string>(operation as () => string, caller).catch(() => {});
  }
  await service.clock.advance(0);
}

const hang = new Promise<never>(() => {});

/** Everything that the scrape must say about one service, from its snapshots. */
function expected(name: string, parts: { breaker: CircuitBreaker; again: Retry; room: Bulkhead; calls: Pipeline }) {
  const { state, verdicts, rejections, transitions } = parts.breaker.snapshot();
  const { running, queued, rejections: bulkheadRejections } = parts.room.snapshot();
  const { calls, again } = parts;
  const stateLabel = {
    closed: 'closed',
    open: 'open',
    'half-open': 'half_open',
    'forced-open': 'forced_open',
    'forced-closed': 'forced_closed',
  } satisfies Record<CircuitState, string>;
  return {
    [`circuit_state|${name}|${stateLabel[state]}`]: 1,
    [`circuit_calls_total|${name}|success`]: verdicts.success,
    [`circuit_calls_total|${name}|failure`]: verdicts.failure,
    [`circuit_calls_total|${name}|ignored`]: verdicts.ignored,
    [`rejections_total|${name}|circuit-breaker|open`]: rejections.open,
    [`rejections_total|${name}|circuit-breaker|half_open_full`]: rejections['half-open-full'],
    [`rejections_total|${name}|bulkhead|queue_full`]: bulkheadRejections['queue-full'],
    [`rejections_total|${name}|bulkhead|would_miss_deadline`]: bulkheadRejections['would-miss-deadline'],
    [`transitions|${name}`]: Object.values(transitions).reduce((sum, count) => sum + count, 0),
    [`bulkhead_running_calls|${name}`]: running,
    [`bulkhead_queued_calls|${name}`]: queued,
    [`retries_total|${name}`]: again.retriedCount,
    [`calls_total|${name}|success`]: calls.calls.success,
    [`calls_total|${name}|failure`]: calls.calls.failure,
    [`calls_total|${name}|rejected`]: calls.calls.rejected,
    [`calls_total|${name}|cancelled`]: calls.calls.cancelled,
    [`calls_in_flight|${name}`]: calls.calls.running,
  };
}

async function scraped(register: Registry): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const metric of await register.getMetricsAsJSON()) {
    for (const { labels, value } of metric.values) {
      const key = [metric.name.replace('holdfast_', ''), ...Object.values(labels)].join('|');
      found[key] = value;
      const total = `transitions|${labels['name']}`;
      if (key.startsWith('circuit_transitions')) found[total] = (found[total] ?? 0) + value;
      const hot = `hot|${labels['name']}`;
      if (key.startsWith('circuit_state|')) found[hot] = (found[hot] ?? 0) + value;
    }
  }
  return found;
}

describe('prometheus', () => {
  it('(1) says what the snapshots say, and one state per circuit, after any history', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 30 }), async (commands) => {
        const service = makeService();
        const register = new Registry();
        prometheus({ register, registry: service.registry });
        const callers: (Context & { cancel(): void })[] = [];
        for (const each of commands) {
          await obey(service, each, callers);

          const found = await scraped(register);

          for (const { name, ...parts } of service.services) {
            expect(found).toMatchObject(expected(name, parts as never));
            expect(found[`hot|${name}`]).toBe(1);
          }
        }
        await service.clock.runAll();
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
