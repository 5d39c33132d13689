/**
 * Random call: an operation that does one of the many things operations do, for a caller who does one of those that callers
 * do, and the judgement of what it came to.
 *
 * @module
 */

import { Context, isCancelled, isRejection, isTimeout, type CancellableContext } from '@holdfast/core';

import { Fault } from './fault.ts';
import { operationTimeoutMs, standIn, type Subject } from './subject.ts';

/** What calls came to. */
export interface Tally {
  started: number;
  settled: number;
  readonly outcomes: Record<'value' | 'stand-in' | 'fault' | 'rejection' | 'timeout' | 'cancelled', number>;
  /** Outcomes that no call may have, the first few of them. */
  readonly unexpected: unknown[];
}

/** What lives longer than any call, and must not remember any. */
export interface LongLived {
  readonly signal: AbortSignal;
  readonly parent: CancellableContext;
}

/** Makes an empty tally. */
export function emptyTally(): Tally {
  const outcomes = { value: 0, 'stand-in': 0, fault: 0, rejection: 0, timeout: 0, cancelled: 0 };
  return { started: 0, settled: 0, outcomes, unexpected: [] };
}

/** Starts one call through the pipeline of `subject`. */
export function startCall(subject: Subject, longLived: LongLived, tally: Tally): void {
  const value = { answer: tally.started++ };
  subject.pipeline
    .execute((context) => operate(subject, context, value), callerOf(subject, longLived))
    .then(
      (given) => tallyValue(tally, given, value),
      (error: unknown) => tallyError(tally, error),
    );
}

// --- internal ---

const gaveUp = new Error('the caller gave up');

/** The context of a caller: most have none to give, others have a deadline, give up, or hang on something long-lived. */
function callerOf({ clock, random }: Subject, { signal, parent }: LongLived): Context {
  const kind = random();
  if (kind < 0.5) return Context.background;
  if (kind < 0.6) return Context.withClock(clock).withTimeout(random() * 60);
  if (kind < 0.65) return parent.withCancel();
  if (kind < 0.7) return parent.withTimeout(random() * 60);
  if (kind < 0.8) return Context.from(signal);
  if (kind < 0.85) return Context.from(new AbortController().signal);
  if (kind < 0.93) {
    const context = parent.withCancel();
    clock.setTimer(() => context.cancel(gaveUp), random() * 30);
    return context;
  }
  const controller = new AbortController();
  clock.setTimer(() => controller.abort(gaveUp), random() * 30);
  return Context.from(controller.signal);
}

/** Does something at random; returns what an operation may return, or throws. */
function operate(subject: Subject, context: Context, value: object): unknown {
  const { random, weather } = subject;
  if (weather.isStormy && random() < 0.8) throw new Fault(random() < 0.2);
  const kind = random();
  const [, behave] = behaviours.find(([upTo]) => kind < upTo) ?? [1, () => value];
  return behave(subject, context, value);
}

type Behaviour = (subject: Subject, context: Context, value: object) => unknown;

/** What operations do, each with the share of those up to and including it. */
const behaviours: readonly (readonly [upToRatio: number, behave: Behaviour])[] = [
  [0.4, (_subject, _context, value) => value],
  [0.55, (_subject, _context, value) => Promise.resolve(value)],
  [0.6, fail],
  [0.66, async (subject) => fail(subject)],
  [0.84, (subject, _context, value) => later(subject, subject.random() * 12, value)],
  [0.88, (_subject, context) => new Promise((_resolve, reject) => context.onCancel(reject))],
  [0.91, (_subject, { signal }) => untilAborted(signal)],
  [0.95, () => new Promise(() => {})], // hangs, deaf to its context
  [0.98, (subject, _context, value) => later(subject, operationTimeoutMs + subject.random() * 10, value)],
  [1, foreignPromise],
];

function fail({ random }: Subject): never {
  throw new Fault(random() < 0.2);
}

/** A promise of another library: nothing but a `then`. */
function foreignPromise({ clock }: Subject, _context: Context, value: object): unknown {
  const then = (resolve: (given: object) => void) => void clock.setTimer(() => resolve(value), 1);
  // oxlint-disable-next-line unicorn/no-thenable -- it is meant to be one
  return { then };
}

/** Settles after `delayMs`, whatever becomes of the context; one in five fails. */
function later({ clock, random }: Subject, delayMs: number, value: object): Promise<object> {
  return new Promise((resolve, reject) => {
    clock.setTimer(() => (random() < 0.2 ? reject(new Fault(false)) : resolve(value)), delayMs);
  });
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function tallyValue(tally: Tally, given: unknown, value: object): void {
  tally.settled++;
  if (given === value) tally.outcomes.value++;
  else if (given === standIn) tally.outcomes['stand-in']++;
  else unexpected(tally, given);
}

function tallyError(tally: Tally, error: unknown): void {
  tally.settled++;
  if (error instanceof Fault) tally.outcomes.fault++;
  else if (isRejection(error)) tally.outcomes.rejection++;
  else if (isTimeout(error)) tally.outcomes.timeout++;
  else if (error === gaveUp || isCancelled(error)) tally.outcomes.cancelled++;
  else unexpected(tally, error);
}

function unexpected(tally: Tally, outcome: unknown): void {
  if (tally.unexpected.length < 5) tally.unexpected.push(outcome);
}
