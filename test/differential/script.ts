/**
 * Script: the operation of a call, which does in each run what the case says.
 *
 * @module
 */

import type { RunSpec } from './case.ts';
import type { Stage } from './play.ts';
import type { CallContext, Work } from './side.ts';

/** An error that hooks can tell from others. */
export class MarkedError extends Error {}

/** A value that hooks can tell from others. */
interface MarkedValue {
  readonly isMarked: true;
}

/** Whether a value or an error is marked. */
export function isMarked(thing: unknown): boolean {
  return thing instanceof MarkedError || (thing as Partial<MarkedValue> | undefined)?.isMarked === true;
}

/** Makes the operation of call number `call`. */
export function scripted(runs: readonly RunSpec[], call: number, stage: Stage): Work {
  let started = 0;
  return (context) => {
    const number = started++;
    const run = runs[Math.min(number, runs.length - 1)] as RunSpec;
    return perform(run, { id: `run ${call}.${number}`, index: call * 64 + number, context, stage });
  };
}

// --- internal ---

interface Performance {
  readonly id: string;
  readonly index: number;
  readonly context: CallContext;
  readonly stage: Stage;
}

function perform(run: RunSpec, performance: Performance): unknown {
  const { id, context, stage } = performance;
  const { journal, scheduler, fractions } = stage;
  const state = run.watches === 'nothing' ? '' : ` remainingMs=${context.remainingMs()} cancelled=${context.cancelled}`;
  journal.tell(id, `starts${state}`);
  const { value, error, failed } = outcomeOf(run, performance);
  if (run.when === 'returns') {
    if (failed) throw error;
    return value;
  }
  const promise = new Promise((resolve, reject) => {
    const finish = (): void => (failed ? reject(error) : resolve(value));
    const unhook = watch(run, performance, reject);
    if (run.when === 'at-once') {
      unhook();
      finish();
    }
    if (run.when !== 'later') return;
    scheduler.setTimer(
      () => {
        unhook();
        finish();
      },
      run.afterMs + fractions.of('run', performance.index),
    );
  });
  if (!run.isThenable) return promise;
  promise.catch(() => undefined); // nobody may ask
  // oxlint-disable-next-line unicorn/no-thenable -- a promise of another library
  return { then: promise.then.bind(promise) };
}

/** Looks at the context as the case says. Returns a function that ends it. */
function watch(run: RunSpec, { id, context, stage }: Performance, reject: (error: unknown) => void): () => void {
  const { journal } = stage;
  const onEnd = (cause: unknown): void => {
    journal.tell(id, 'is told', cause);
    if (run.stops === 'cause') reject(cause);
    if (run.stops === 'own-error') reject(journal.label(new Error('stopped'), `${id} stopped`));
  };
  if (run.watches === 'listener') return context.onCancel(onEnd);
  if (run.watches !== 'signal') return () => {};
  const { signal } = context;
  const listener = (): void => onEnd(signal.reason);
  signal.addEventListener('abort', listener, { once: true });
  return () => signal.removeEventListener('abort', listener);
}

function outcomeOf(run: RunSpec, { id, stage }: Performance): { value?: unknown; error?: unknown; failed: boolean } {
  const { journal, side } = stage;
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others are errors of ours, made alike
  switch (run.outcome) {
    case 'value':
      return { value: journal.label({}, `value of ${id}`), failed: false };
    case 'marked-value':
      return { value: journal.label({ isMarked: true } satisfies MarkedValue, `marked value of ${id}`), failed: false };
    case 'undefined':
      return { error: undefined, failed: true };
    case 'error':
      return { error: journal.label(new Error(id), `error of ${id}`), failed: true };
    case 'marked-error':
      return { error: journal.label(new MarkedError(id), `marked error of ${id}`), failed: true };
    default:
      return { error: journal.label(side.ourError(run.outcome), `${run.outcome} of ${id}`), failed: true };
  }
}
