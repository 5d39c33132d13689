import { expectTypeOf } from 'vitest';

import type { SharingExplanation } from '../../kernel/circuit-store.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import {
  type CircuitBreaker,
  type CircuitBreakerChanges,
  type CircuitBreakerOptions,
  type CircuitSharing,
  type CircuitSnapshot,
  type CircuitState,
  type CircuitWindow,
  circuitBreaker,
} from './circuit-breaker.ts';

const policy = circuitBreaker({ name: 'prices', window: { kind: 'time', durationMs: 1000 } });

expectTypeOf(policy).toEqualTypeOf<CircuitBreaker>();
expectTypeOf(policy.execute(() => 7)).toEqualTypeOf<Promise<number>>();
expectTypeOf(policy.execute(async () => 'a')).toEqualTypeOf<Promise<string>>();
expectTypeOf(policy.wrap((id: string) => id.length)).toEqualTypeOf<(id: string) => Promise<number>>();
expectTypeOf(pipeline(policy).execute(() => 7n)).toEqualTypeOf<Promise<bigint>>();
expectTypeOf(policy.state).toEqualTypeOf<CircuitState>();
expectTypeOf(policy.snapshot()).toEqualTypeOf<CircuitSnapshot>();

// classify sees values and errors apart, and must give a verdict.
circuitBreaker({ classify: (outcome) => (outcome.status === 'rejected' ? 'failure' : 'success') });
// @ts-expect-error -- a value has no error
circuitBreaker({ classify: (outcome) => (outcome.error ? 'failure' : 'success') });
// @ts-expect-error -- no such verdict
circuitBreaker({ classify: () => 'bad' });
expectTypeOf<{ kind: 'count'; size: number }>().toExtend<CircuitWindow>();
// @ts-expect-error -- a window of time has a duration, not a size
circuitBreaker({ window: { kind: 'time', size: 10 } });
expectTypeOf<CircuitBreakerOptions>().toHaveProperty('failureRatio');

// A shared circuit says why it is as it is; one of this process has nothing to say of the fleet.
expectTypeOf(policy.snapshot().fleet).toEqualTypeOf<SharingExplanation | undefined>();
expectTypeOf<CircuitSharing>().toEqualTypeOf<'fleet' | 'local'>();
// @ts-expect-error -- with whom a circuit is shared is decided at its start
policy.update({ sharing: 'local' });
expectTypeOf<keyof CircuitBreakerChanges & ('store' | 'name' | 'sharing')>().toBeNever();
