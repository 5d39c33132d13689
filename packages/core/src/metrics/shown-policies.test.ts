import { describe, expect, it } from 'vitest';

import { pipeline } from '../kernel/pipeline.ts';
import type { NamedPolicy } from '../kernel/policy.ts';
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { keyed } from '../policies/keyed/keyed.ts';
import { noop } from '../policies/noop/noop.ts';
import { retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { createRegistry } from '../registry/registry.ts';
import { shownPolicies } from './shown-policies.ts';

const labels = (policies: Iterable<NamedPolicy<unknown>>) =>
  shownPolicies(policies).map(({ kind, name }) => `${kind}/${name}`);

describe('shownPolicies', () => {
  it('(1) tells policies first, then the parts of pipelines at any depth, each once', () => {
    const registry = createRegistry();
    const breaker = circuitBreaker({ name: 'prices' });
    const inner = pipeline({ name: 'inner' }, breaker, timeout({ name: 'try', timeoutMs: 5 }));
    registry.pipeline('prices', retry({ name: 'prices' }), inner);
    registry.pipeline('other', breaker, inner);
    registry.add(breaker);

    expect(labels(registry)).toEqual([
      'pipeline/prices',
      'pipeline/other',
      'circuit-breaker/prices',
      'retry/prices',
      'pipeline/inner',
      'timeout/try',
    ]);
  });

  it('(2) leaves out parts without a name of their own, and goes into pipelines that have none', () => {
    const nameless = pipeline(retry(), circuitBreaker({ name: 'stock' }));

    expect(labels([pipeline({ name: 'whole' }, timeout(5), nameless)])).toEqual([
      'pipeline/whole',
      'circuit-breaker/stock',
    ]);
    expect(labels([nameless, retry()])).toEqual(['pipeline/pipeline', 'retry/retry', 'circuit-breaker/stock']);
  });

  it('(3) leaves out policies per key, and what counts nothing', () => {
    const hosts = keyed({ name: 'hosts', keyOf: () => 'a', make: (_key, name) => retry({ name }) });
    const bare = { execute: () => Promise.reject(new Error('never called')) };

    expect(labels([pipeline({ name: 'calls' }, bare, noop({ name: 'mine' }), hosts)])).toEqual([
      'pipeline/calls',
      'keyed/hosts',
    ]);
  });
});
