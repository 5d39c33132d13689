/**
 * The engine as a side of a case, in any copy of the core.
 *
 * @module
 */

import type * as CoreModule from '@holdfast/core';
import type { Clock, Context, Events, Policy, PolicyPorts } from '@holdfast/core';

import type { BreakerSpec, CallerSpec, Case, OurErrorKind } from './case.ts';
import type { AnyPolicy, CallContext, Caller, Hooks, Observer, OwnPolicy, Ports, Side, Work } from './side.ts';

/** A copy of the core, as imported. */
export type Core = typeof CoreModule;

/** Makes a side of `core`, which tells `observer`. */
export function engineSide(core: Core, listeners: Case['listeners'], observer: Observer): Side {
  const events = listen(core.createEvents(), listeners, observer);
  core.onHookError((error) => {
    if (error.hook !== 'listener') observer.onHookError(error, error.policy); // those throw by design
  });
  const portsOf = ({ name, clock, random }: Ports) => ({ name, clock, random, events });
  return {
    fallback: (spec, ports) => {
      const { hooks, value } = ports;
      const substitute = (error: unknown, context: Context): unknown => hooks.substitute(error, context);
      const answer = spec.answer === 'value' ? { value } : { substitute };
      const handles = spec.handles === 'default' ? {} : { handles: hooks.accepts };
      const policy = core.fallback<unknown>({ ...portsOf(ports), ...handles, ...answer });
      return own(policy, () => ({ usedCount: policy.usedCount }));
    },
    retry: ({ kind: _kind, isRetryable, clock: _clock, ...settings }, ports) => {
      const hook = isRetryable === 'default' ? {} : { isRetryable: ports.hooks.accepts };
      const policy = core.retry({ ...portsOf(ports), ...settings, ...hook, whenNested: 'retry' });
      return own(policy, () => retryStatistics(policy.snapshot()));
    },
    circuitBreaker: (spec, ports) => breaker(core, spec, { ...portsOf(ports), hooks: ports.hooks }),
    bulkhead: ({ kind: _kind, ...settings }, ports) => {
      const policy = core.bulkhead({ ...portsOf(ports), ...settings });
      return own(policy, () => policy.snapshot());
    },
    timeout: ({ timeoutMs }, ports) => {
      const policy = core.timeout({ ...portsOf(ports), timeoutMs });
      return own(policy, () => ({ timedOutCount: policy.snapshot().timedOut }));
    },
    pipeline: (name, policies) => {
      const composed = core.pipeline({ name }, ...policies.map(toEngine));
      return own(composed, () => ({ ...composed.calls }));
    },
    caller: (spec, clock, cause) => caller(core, spec, clock, cause),
    ourError: (kind) => ourError(core, kind),
    isOurs: core.isResilienceError,
  };
}

// --- internal ---

/** The policy of the engine behind each of ours. */
const enginePolicies = new WeakMap<object, Policy<unknown>>();

function own(
  policy: Policy<unknown> & { readonly name: string },
  statistics: () => unknown,
  reset?: () => void,
): OwnPolicy {
  const execute = (work: Work, context?: CallContext): Promise<unknown> =>
    policy.execute(work, context as Context | undefined);
  const mine = { name: policy.name, execute, statistics };
  enginePolicies.set(mine, policy);
  if (reset === undefined) return mine;
  const resettable = { ...mine, reset };
  enginePolicies.set(resettable, policy);
  return resettable;
}

function toEngine(policy: AnyPolicy): Policy<unknown> {
  return enginePolicies.get(policy) ?? (policy as unknown as Policy<unknown>);
}

/** What the reference counts, too. */
function retryStatistics(snapshot: CoreModule.RetrySnapshot): unknown {
  const { calls, retried, recovered, waiting, gaveUp, budget } = snapshot;
  const { attempts, 'not-retryable': notRetryable, budget: denied, deadline, ended } = gaveUp;
  const reasons = { attempts, 'not-retryable': notRetryable, budget: denied, deadline, ended };
  return { calls, retried, recovered, waiting, gaveUp: reasons, spent: budget.spent, denied: budget.denied };
}

function breaker(core: Core, spec: BreakerSpec, ports: { name: string; hooks: Hooks } & PolicyPorts): OwnPolicy {
  const { kind: _kind, classify, clock: _clock, ...settings } = spec;
  const { hooks, ...rest } = ports;
  const judge: CoreModule.Classify = (outcome) =>
    (outcome.status === 'fulfilled'
      ? hooks.judge(outcome.value, undefined, false)
      : hooks.judge(undefined, outcome.error, true)) as CoreModule.Verdict;
  const policy = core.circuitBreaker({ ...settings, ...rest, ...(classify === 'default' ? {} : { classify: judge }) });
  return own(
    policy,
    () => policy.snapshot(),
    () => policy.reset(),
  );
}

function listen(events: Events, listeners: Case['listeners'], observer: Observer): Events {
  if (listeners === 'throwing') {
    events.listen(() => {
      throw new Error('a listener threw');
    });
  }
  if (listeners === 'none') return events;
  events.listen((event) => {
    if (event.type !== 'timeout.settled-late') observer.onEvent({ ...event }); // the reference lets go of late runs
  });
  return events;
}

function caller(core: Core, spec: CallerSpec, clock: Clock, cause: unknown): Caller {
  if (spec.context === 'none') return { context: undefined, cancel: () => {} };
  if (spec.context === 'signal') {
    const controller = new AbortController();
    const reason = cause ?? new core.CancelledError();
    return { context: core.Context.from(controller.signal), cancel: () => controller.abort(reason) };
  }
  const root = spec.context === 'background' ? core.Context.background : core.Context.withClock(clock);
  const context = spec.deadlineMs === undefined ? root.withCancel() : root.withTimeout(spec.deadlineMs);
  return { context, cancel: () => context.cancel(cause) };
}

function ourError(core: Core, kind: OurErrorKind): unknown {
  switch (kind) {
    case 'circuit-open':
      return new core.CircuitOpenError('elsewhere', 'open', 7);
    case 'bulkhead-full':
      return new core.BulkheadFullError('elsewhere', 'queue-full', { maxConcurrent: 1, maxQueued: 0 });
    case 'cancelled':
      return new core.CancelledError();
    case 'deadline':
      return new core.DeadlineExceededError();
    case 'timeout':
      return new core.TimeoutError('elsewhere', 5);
  }
}
