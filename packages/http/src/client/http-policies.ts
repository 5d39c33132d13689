/**
 * HTTP policies: the policies of core, set up for requests: what is retried, what opens a circuit, and one circuit per origin.
 *
 * @module
 */

import {
  type CircuitBreaker,
  type CircuitBreakerOptions,
  type Describable,
  type HedgeOptions,
  type Keyed,
  type KeyedOptions,
  type LayeredPolicy,
  type Pipeline,
  type PolicyPorts,
  type Retry,
  type RetryOptions,
  circuitBreaker,
  createPolicy,
  hedge,
  keyed,
  pipeline,
  retry,
  timeout,
  withDefaults,
} from '@holdfast/core';

import { httpOriginOf, httpRequestOf } from './http-request.ts';
import { classifyHttp, classifyHttpForRetry, httpRetryAfterMs } from './http-verdict.ts';

/** Options of {@link httpPolicies}. Omitted ones take {@link httpPoliciesDefaults}. */
export interface HttpPoliciesOptions extends PolicyPorts {
  /** What the names of the policies begin with. @defaultValue 'http' */
  readonly name?: string;
  /**
   * Time for one try, to the head of its answer. The time for the call, with its body, is the context's. Milliseconds, 1 to
   * Infinity; Infinity leaves it to the context. @defaultValue 10_000
   */
  readonly tryTimeoutMs?: number;
  /** As {@link httpRetry}; `false` for none. */
  readonly retry?: Omit<RetryOptions, 'name' | keyof PolicyPorts> | false;
  /** As {@link breakerPerOrigin}; `false` for none. */
  readonly breaker?: Omit<CircuitBreakerOptions, 'name' | keyof PolicyPorts> | false;
  /** As {@link httpHedge}: hedges requests that may be sent twice. By default none is. */
  readonly hedge?: Omit<HedgeOptions, 'name' | keyof PolicyPorts>;
}

/** Every default of {@link httpPolicies}, in one place. */
export const httpPoliciesDefaults: { readonly name: string; readonly tryTimeoutMs: number } = Object.freeze({
  name: 'http',
  tryTimeoutMs: 10_000,
});

/**
 * Creates the policies that a client of a service should have: a retry around a circuit breaker per origin around a time limit
 * per try. It is a pipeline like any other, and may stand in one.
 *
 * @throws ConfigError when an option is out of range.
 *
 * @example
 * ```ts
 * const fetchOrders = createFetch({ baseUrl: 'https://orders.internal', policy: httpPolicies({ name: 'orders' }) });
 * ```
 */
export function httpPolicies(options: HttpPoliciesOptions = {}): Pipeline {
  const resolved = withDefaults('httpPolicies', httpPoliciesDefaults, options, ['retry', 'breaker', 'hedge']);
  const { name, tryTimeoutMs, retry: retryOptions, breaker, hedge: hedgeOptions } = resolved;
  const ports = portsIn(resolved);
  return pipeline(
    { name },
    ...(retryOptions === false ? [] : [httpRetry({ ...ports, ...retryOptions, name: `${name}-retry` })]),
    ...(hedgeOptions === undefined ? [] : [httpHedge({ ...ports, ...hedgeOptions, name: `${name}-hedge` })]),
    ...(breaker === false ? [] : [breakerPerOrigin({ ...ports, ...breaker, name })]),
    timeout({ ...ports, name: `${name}-try`, timeoutMs: tryTimeoutMs }),
  );
}

/**
 * Creates a retry for requests: it repeats what the table of failures calls transient, where that may be sent again, and waits as
 * long as `Retry-After` asks, if there is time. What the last try came to is the caller's, also a response.
 *
 * @throws ConfigError when an option is out of range.
 */
export function httpRetry(options: RetryOptions = {}): Retry {
  return retry({ classify: classifyHttpForRetry, retryAfterMs: httpRetryAfterMs, ...options });
}

/**
 * Creates a hedge for requests: those that may be sent twice are, the others go through as they are. The first answer that is no
 * failure wins; the others are thrown away.
 *
 * @throws ConfigError when an option is out of range.
 */
export function httpHedge(options: HedgeOptions | number): LayeredPolicy {
  const given = typeof options === 'number' ? { delayMs: options } : options;
  return onlyRepeatable(hedge({ classify: classifyHttp, ...given }));
}

/** Options of {@link breakerPerOrigin}: those of `circuitBreaker`, for each, and how many there may be. */
export interface BreakerPerOriginOptions extends CircuitBreakerOptions, Pick<KeyedOptions, 'maxKeys' | 'idleMs'> {}

/**
 * Creates a circuit breaker per origin, each with a circuit of its own: a 503 of one says nothing about another.
 *
 * @throws ConfigError when an option is out of range.
 */
export function breakerPerOrigin(options: BreakerPerOriginOptions = {}): Keyed<CircuitBreaker> {
  const { name = 'http', maxKeys, idleMs, ...breaker } = options;
  const { clock, events } = options;
  return keyed({
    name,
    keyOf: httpOriginOf,
    make: (_origin, memberName) => circuitBreaker({ classify: classifyHttp, ...breaker, name: memberName }),
    ...(maxKeys !== undefined && { maxKeys }),
    ...(idleMs !== undefined && { idleMs }),
    ...(clock !== undefined && { clock }),
    ...(events !== undefined && { events }),
  });
}

/** Has `policy` applied to requests that may be sent twice, and to nothing else. For a hedge, or a retry of your own. */
export function onlyRepeatable<F>(policy: LayeredPolicy<F>): LayeredPolicy<F> {
  const { kind, name, clock } = policy;
  const { describe, snapshot } = policy as Partial<Describable & { snapshot(): unknown }>;
  const own = createPolicy<F>({
    kind,
    name,
    clock,
    layer: (inner) => {
      const protectedInner = policy.layer(inner);
      return (operation, context, sink, now) => {
        const request = httpRequestOf(context);
        const mayRepeat = request?.isIdempotent === true && !request.hasOneShotBody;
        (mayRepeat ? protectedInner : inner)(operation, context, sink, now);
      };
    },
  });
  return Object.assign(own, {
    ...(describe !== undefined && { describe: () => describe.call(policy) }),
    ...(snapshot !== undefined && { snapshot: () => snapshot.call(policy) }),
  });
}

// --- internal ---

function portsIn({ clock, random, events, store, captureAsyncContext }: PolicyPorts): PolicyPorts {
  return {
    ...(clock !== undefined && { clock }),
    ...(random !== undefined && { random }),
    ...(events !== undefined && { events }),
    ...(store !== undefined && { store }),
    ...(captureAsyncContext !== undefined && { captureAsyncContext }),
  };
}
