/**
 * Ambient emitter: listeners that run in the context in which they were added.
 *
 * Left alone, a listener runs in the context of whoever emits: of another request, or of none.
 *
 * Invariants
 *  (1) A listener is removed, listed and counted by itself, as if it had not been bound.
 *  (2) What was added by `once` runs at most once, also if it emits itself.
 *
 * @module
 */

import { runStored, storedContext } from './ambient-store.ts';
import { type Method, replaceMethods } from './method-patch.ts';

/** What emits events, as Node's `EventEmitter` does. */
export interface EmitterLike {
  on(event: string, listener: (...args: any[]) => void): unknown;
  removeListener(event: string, listener: (...args: any[]) => void): unknown;
}

/** Binds the listeners that are added from now on. Returns what ends that; of an emitter that is bound already, the same. */
export function bindEmitter(emitter: EmitterLike): () => void {
  const known = boundEmitters.get(emitter);
  if (known !== undefined) return known;

  const methods = emitter as unknown as Readonly<Record<string, Method | undefined>>;
  const names = Object.keys(addedBy).filter((name) => typeof methods[name] === 'function' || name === 'on');
  const plain = Object.fromEntries(names.map((name) => [name, methods[addedBy[name] as string]]));
  const putBack = replaceMethods(emitter, names, (method, name) =>
    adding(plain[name] ?? method, name === addedBy[name] ? bindListener : bindOnce),
  );
  const undo = (): void => {
    putBack();
    boundEmitters.delete(emitter);
  };
  boundEmitters.set(emitter, undo);
  return undo;
}

// --- internal ---

type Listener = (this: unknown, ...args: any[]) => unknown;

/** A bound listener; by `listener`, emitters know whom it stands for. */
type BoundListener = Listener & { listener?: Listener };

type Bind = (listener: Listener, event: string, emitter: EmitterLike) => BoundListener;

/** The methods that add listeners, and those that do so for more than once. */
const addedBy: Readonly<Record<string, string>> = {
  on: 'on',
  addListener: 'addListener',
  prependListener: 'prependListener',
  once: 'on',
  prependOnceListener: 'prependListener',
};

/** Held by the emitters themselves. */
const boundEmitters = new WeakMap<EmitterLike, () => void>();

/** Returns `add` so that it adds the listener bound. What is no function is left to the emitter, which has words for that. */
function adding(add: Method, bind: Bind): Method {
  return function (this: unknown, ...[event, listener]: never[]): unknown {
    const isListener = typeof listener === 'function';
    const added = isListener ? bind(listener, event as unknown as string, this as EmitterLike) : listener;
    return (add as (this: unknown, event: unknown, listener: unknown) => unknown).call(this, event, added);
  };
}

function bindListener(listener: Listener): BoundListener {
  const context = storedContext();
  const bound: BoundListener = function (this: unknown, ...args: any[]): unknown {
    return runStored(context, () => listener.apply(this, args));
  };
  bound.listener = listener; // (1)
  return bound;
}

function bindOnce(listener: Listener, event: string, emitter: EmitterLike): BoundListener {
  const context = storedContext();
  let hasRun = false;
  const bound: BoundListener = function (this: unknown, ...args: any[]): unknown {
    if (hasRun) return undefined; // (2)
    hasRun = true;
    emitter.removeListener(event, bound);
    return runStored(context, () => listener.apply(this, args));
  };
  bound.listener = listener; // (1)
  return bound;
}
