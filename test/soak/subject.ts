/**
 * Subject: the full pipeline that the calls go through, with listeners on, and the clock that it is on.
 *
 * @module
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  type Clock,
  type Pipeline,
  type PolicyPorts,
  type Random,
  bulkhead,
  circuitBreaker,
  createEvents,
  fallback,
  hedge,
  pipeline,
  rateLimiter,
  retry,
  systemClock,
  timeout,
} from '@holdfast/core';
import { type VirtualClock, virtualClock } from '@holdfast/core/testing';

import { Fault } from './fault.ts';

/** Takes the place of a value; made by the fallback. */
export const standIn: unique symbol = Symbol('stand-in');

/** Milliseconds after which the innermost policy ends an operation. */
export const operationTimeoutMs = 20;

/** A pipeline on a clock. */
export interface Subject {
  readonly pipeline: Pipeline<typeof standIn>;
  readonly clock: Clock;
  readonly random: Random;
  /** Whether the dependency has a bad time: most operations fail. */
  readonly weather: { isStormy: boolean };
  /** How often each type of event was told. */
  readonly told: ReadonlyMap<string, number>;
  /** Lets up to `ms` milliseconds pass. */
  pass(ms: number): Promise<void>;
  /** Lets time pass until all calls must have settled and all that is set for later has happened. */
  finish(isDone: () => boolean): Promise<void>;
  /** Says what the policies hold that they must not hold at rest. */
  held(): string[];
}

/** Makes a subject whose time passes only when it is told to. */
export function virtualSubject(random: Random): Subject {
  const clock = virtualClock();
  return {
    ...createSubject({ clock, random }),
    pass: (ms) => clock.advance(ms),
    finish: () => clock.runAll(),
  };
}

/** Makes a subject on the platform's clock. */
export function realSubject(random: Random): Subject {
  return {
    ...createSubject({ clock: systemClock, random, captureAsyncContext: () => AsyncLocalStorage.snapshot() }),
    pass: (ms) => sleep(ms),
    finish: async (isDone) => {
      const limitAt = performance.now() + 5000;
      while (!isDone() && performance.now() < limitAt) await sleep(5);
      await sleep(3 * operationTimeoutMs); // for what settles late
    },
  };
}

// --- internal ---

type Ports = Required<Pick<PolicyPorts, 'clock' | 'random'>> & Pick<PolicyPorts, 'captureAsyncContext'>;

function createSubject(given: Ports): Omit<Subject, 'pass' | 'finish'> {
  const { clock, random } = given;
  const told = new Map<string, number>();
  const events = createEvents();
  events.listen(({ type }) => told.set(type, (told.get(type) ?? 0) + 1));
  const ports = { ...given, events };

  const hulls = bulkhead({ ...ports, maxConcurrent: 30, maxQueued: 10 });
  const pace = rateLimiter({ ...ports, maxPerInterval: 150, intervalMs: 20, maxBurst: 100, maxQueued: 10 });
  const policies = pipeline(
    fallback<typeof standIn>({
      events,
      value: standIn,
      handles: (error) => random() < 0.7 && !(error instanceof Fault && error.isFinal),
    }),
    pace,
    retry({ ...ports, baseDelayMs: 4, maxRetryRatio: 0.5 }),
    circuitBreaker({ clock, random, events, failureRatio: 0.6, openForMs: 15 }),
    hulls,
    hedge({ ...ports, delayMs: 6, maxHedgeRatio: 0.5 }),
    timeout({ timeoutMs: operationTimeoutMs, clock, events }),
  );

  const held = (): string[] => [
    ...some(policies.calls.running, 'running calls in the pipeline'),
    ...some(hulls.snapshot().running, 'permits of the bulkhead'),
    ...some(hulls.snapshot().queued, 'calls queued by the bulkhead'),
    ...some(pace.snapshot().queued, 'calls queued by the rate limiter'),
    ...some((clock as Partial<VirtualClock>).pendingCount ?? 0, 'virtual timers'),
  ];
  return { pipeline: policies, clock, random, weather: { isStormy: false }, told, held };
}

function some(count: number, what: string): string[] {
  return count === 0 ? [] : [`${count} ${what}`];
}
